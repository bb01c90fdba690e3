use auth::Caller;
use ids::{DocumentId, Tenant};
use pg::Tx;

use crate::domain::{Document, Version, Viewer};
use crate::{Error, State, db};

/// Reads one document that the caller may see, as one of its versions shows it: the newest for 0.
pub async fn get_document(
    state: &State,
    caller: &Caller,
    document_id: &str,
    version: i32,
) -> Result<Document, Error> {
    let id = super::document_id(document_id)?;
    let version = super::version(version);
    let (tenant, viewer) = (caller.tenant.clone(), super::viewer(caller));
    state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move { find(tx, &tenant, &viewer, id, version).await })
        })
        .await
}

/// Whether there is such a document is told before whether it has such a version.
async fn find(
    tx: &mut Tx,
    tenant: &Tenant,
    viewer: &Viewer,
    id: DocumentId,
    version: Result<Option<Version>, Error>,
) -> Result<Document, Error> {
    if let Ok(version) = version
        && let Some(found) = db::documents::find(tx, tenant, viewer, id, version).await?
    {
        return Ok(found);
    }
    match db::documents::find(tx, tenant, viewer, id, None).await? {
        Some(_) => Err(Error::VersionNotFound),
        None => Err(Error::DocumentNotFound),
    }
}
