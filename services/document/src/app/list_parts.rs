use auth::Caller;
use blobs::{Bucket, StoredPart};

use super::parts;
use crate::domain::Parts;
use crate::{Error, State};

/// How far an upload in parts has come.
#[derive(Debug)]
pub struct Arrived {
    /// What there has to be.
    pub parts: Parts,
    /// What has arrived, by number. Nothing once the object is put together.
    pub arrived: Vec<StoredPart>,
    /// Whether everything has arrived: the upload is to be confirmed.
    pub complete: bool,
}

/// Lists the parts of the awaited upload that have arrived, as the object store has them.
pub async fn list_parts(state: &State, caller: &Caller, document_id: &str) -> Result<Arrived, Error> {
    let (document, parts) = parts::awaited(state, caller, document_id).await?;
    let listed = match parts::upload_id(state, &document).await? {
        Some(upload) => state.blobs.list_parts(Bucket::Intake, &document.intake_key(), &upload).await?,
        None => Some(Vec::new()),
    };
    match listed {
        Some(arrived) => {
            let complete = parts::missing(parts, &arrived) == 0;
            Ok(Arrived { parts, arrived, complete })
        }
        // Put together by a confirmation that did not come to its end.
        None => {
            let complete = parts::object(state, &document).await?.is_some();
            Ok(Arrived { parts, arrived: Vec::new(), complete })
        }
    }
}
