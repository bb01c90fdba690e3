use auth::Caller;
use idempotency::{KEEP, Key, Outcome};
use ids::{DocumentId, VersionId};
use proto::Operation;
use proto::document::v1;

use super::signature::{sign, sign_again};
use super::{AwaitedUpload, UPLOAD_EXPIRY};
use crate::domain::document::UPLOAD_WINDOW;
use crate::domain::{Changed, Declaration, Document};
use crate::{Error, State, db, events};

/// Declares a document and signs the upload of exactly these bytes.
///
/// A replay answers the same document with a fresh signature, for as long as the upload is awaited.
pub async fn initiate_upload(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::InitiateUploadRequest,
) -> Result<Outcome<AwaitedUpload>, Error> {
    let declaration = Declaration::parse(
        &request.purpose,
        &request.file_name,
        &request.content_type,
        request.size_bytes,
        &request.sha256,
    )
    .map_err(Error::Declaration)?;

    let now = state.clock.now();
    let id = DocumentId::mint(&state.clock);
    let version_id = VersionId::mint(&state.clock);
    let (tenant, owner) = (caller.tenant.clone(), caller.subject.clone());
    let Changed { document, event } = Document::initiate(id, version_id, tenant, owner, declaration, now);

    let (clock, initiated) = (state.clock.clone(), document.clone());
    let scope = super::scope(caller, Operation::DocumentInitiateUpload, key);
    let outcome = idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx| {
        Box::pin(async move {
            db::documents::insert(tx, &initiated).await?;
            due::schedule(tx, UPLOAD_EXPIRY, version_id.into(), now + UPLOAD_WINDOW).await?;
            events::append(tx, &clock, &initiated, event).await?;
            Ok::<_, Error>(v1::Document::from(&initiated))
        })
    })
    .await?;

    let upload = if outcome.replayed {
        sign_again(state, caller, &outcome.value).await?
    } else {
        sign(state, &document).await?
    };
    Ok(outcome.map(|document| AwaitedUpload { document, upload }))
}
