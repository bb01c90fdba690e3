use auth::Caller;

use crate::domain::Document;
use crate::{Error, State, db};

/// Reads one document that the caller may see.
pub async fn get_document(state: &State, caller: &Caller, document_id: &str) -> Result<Document, Error> {
    let id = super::document_id(document_id)?;
    let (tenant, viewer) = (caller.tenant.clone(), super::viewer(caller));
    let found = state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move { Ok::<_, Error>(db::documents::find(tx, &tenant, &viewer, id).await?) })
        })
        .await?;
    found.ok_or(Error::DocumentNotFound)
}
