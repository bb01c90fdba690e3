use auth::Caller;
use proto::document::v1;

use super::names::Found;
use super::reading;
use crate::domain::Viewer;
use crate::{Error, State, db};

/// Reads every version of a document that the caller may read, by a grant too, newest first.
pub async fn list_versions(
    state: &State,
    caller: &Caller,
    document_id: &str,
) -> Result<Vec<v1::Document>, Error> {
    let id = super::document_id(document_id)?;
    let (reader, now) = (caller.clone(), state.clock.now());
    let found = state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move {
                reading::read(tx, &reader, id, Ok(None), "", now).await?;
                let tenant = tx.tenant().clone();
                let versions = db::documents::versions(tx, &tenant, &Viewer::Office, id).await?;
                Found::new(tx, versions).await
            })
        })
        .await?;
    found.shown(state).await
}
