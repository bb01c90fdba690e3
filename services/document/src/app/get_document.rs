use auth::Caller;
use ids::DocumentId;
use pg::Tx;
use proto::document::v1;

use super::names::Found;
use crate::domain::{Document, Version, Viewer};
use crate::{Error, State, db};

/// Reads one document that is the caller's own or, for staff, the tenant's, as one of its versions shows it: the newest for 0.
pub(super) async fn get_document(
    state: &State,
    caller: &Caller,
    document_id: &str,
    version: i32,
) -> Result<v1::Document, Error> {
    let id = super::document_id(document_id)?;
    let version = super::version(version);
    let viewer = super::viewer(caller);
    let found = state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move {
                let document = find(tx, &viewer, id, version).await?;
                Found::new(tx, vec![document]).await
            })
        })
        .await?;
    found.shown(state).await?.into_iter().next().ok_or(Error::DocumentNotFound)
}

/// The same for those who do not show it.
pub(super) async fn find_document(
    state: &State,
    caller: &Caller,
    document_id: &str,
    version: i32,
) -> Result<Document, Error> {
    found(state, caller, super::viewer(caller), document_id, version).await
}

/// A document whose upload the caller goes on with.
pub(super) async fn find_upload(
    state: &State,
    caller: &Caller,
    document_id: &str,
    version: i32,
) -> Result<Document, Error> {
    found(state, caller, super::uploader(caller), document_id, version).await
}

async fn found(
    state: &State,
    caller: &Caller,
    viewer: Viewer,
    document_id: &str,
    version: i32,
) -> Result<Document, Error> {
    let id = super::document_id(document_id)?;
    let version = super::version(version);
    state
        .db
        .tenant(&caller.tenant, move |tx| Box::pin(async move { find(tx, &viewer, id, version).await }))
        .await
}

/// Whether there is such a document is told before whether it has such a version.
pub(super) async fn find(
    tx: &mut Tx,
    viewer: &Viewer,
    id: DocumentId,
    version: Result<Option<Version>, Error>,
) -> Result<Document, Error> {
    let tenant = tx.tenant().clone();
    if let Ok(version) = version
        && let Some(found) = db::documents::find(tx, &tenant, viewer, id, version).await?
    {
        return Ok(found);
    }
    match db::documents::find(tx, &tenant, viewer, id, None).await? {
        Some(_) => Err(Error::VersionNotFound),
        None => Err(Error::DocumentNotFound),
    }
}
