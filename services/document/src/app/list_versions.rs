use auth::Caller;

use crate::domain::Document;
use crate::{Error, State, db};

/// Reads every version of a document that the caller may see, newest first.
pub async fn list_versions(
    state: &State,
    caller: &Caller,
    document_id: &str,
) -> Result<Vec<Document>, Error> {
    let id = super::document_id(document_id)?;
    let (tenant, viewer) = (caller.tenant.clone(), super::viewer(caller));
    let versions = state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move { Ok::<_, Error>(db::documents::versions(tx, &tenant, &viewer, id).await?) })
        })
        .await?;
    if versions.is_empty() { Err(Error::DocumentNotFound) } else { Ok(versions) }
}
