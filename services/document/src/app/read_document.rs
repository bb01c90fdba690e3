use auth::Caller;
use proto::document::v1;

use super::names::Found;
use super::reading;
use crate::{Error, State};

/// Reads one document that the caller may read, by a grant too, as one of its versions shows it: the newest for 0.
pub async fn read_document(
    state: &State,
    caller: &Caller,
    document_id: &str,
    version: i32,
) -> Result<v1::Document, Error> {
    let id = super::document_id(document_id)?;
    let version = super::version(version);
    let (reader, now) = (caller.clone(), state.clock.now());
    let found = state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move {
                let (document, _) = reading::read(tx, &reader, id, version, "", now).await?;
                Found::new(tx, vec![document]).await
            })
        })
        .await?;
    found.shown(state).await?.into_iter().next().ok_or(Error::DocumentNotFound)
}
