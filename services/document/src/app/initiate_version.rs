use std::slice;

use auth::Caller;
use idempotency::{KEEP, Key, Outcome};
use ids::VersionId;
use proto::Operation;
use proto::document::v1;

use super::signature::sign_again;
use super::{AwaitedUpload, UPLOAD_EXPIRY, names};
use crate::domain::document::UPLOAD_WINDOW;
use crate::domain::{Changed, Declaration, UploadPolicy};
use crate::{Error, State, db, events};

/// Declares a corrected file as the next version of a document and signs the upload of exactly these bytes.
///
/// A replay answers the same version with a fresh signature, for as long as the upload is awaited.
pub async fn initiate_version(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::InitiateVersionRequest,
) -> Result<Outcome<AwaitedUpload>, Error> {
    // The purpose is the document's, and never changes.
    let corrected = super::find_upload(state, caller, &request.document_id, 0).await?;
    let (purpose, declared, owner) = (corrected.declaration.purpose, request.clone(), corrected.owner);
    let keys = state.envelope.keys_to_seal(&state.db, &caller.tenant, slice::from_ref(&owner)).await?;
    let by = super::hands_in(caller);
    let (id, version_id) = (corrected.id, VersionId::mint(&state.clock));
    let (tenant, viewer, clock) = (caller.tenant.clone(), super::uploader(caller), state.clock.clone());
    let scope = super::scope(caller, Operation::DocumentInitiateVersion, key);
    let outcome = idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx| {
        Box::pin(async move {
            let policy = policy::current::<UploadPolicy>(tx).await?.policy;
            let (name, declaration) = Declaration::parse(
                &policy,
                by,
                purpose.as_str(),
                &declared.file_name,
                &declared.content_type,
                declared.size_bytes,
                &declared.sha256,
            )
            .map_err(Error::Declaration)?;
            // The key first and the document then, as whoever erases does.
            let declaration = names::seal(tx, &keys, &owner, &name, declaration).await?;
            let locked = db::documents::lock(tx, &tenant, &viewer, id, None).await?;
            let newest = locked.ok_or(Error::DocumentNotFound)?;
            let now = clock.now();
            let Changed { document, event } = newest.correct(version_id, declaration, now)?;
            db::documents::insert_version(tx, &document).await?;
            due::schedule(tx, UPLOAD_EXPIRY, version_id.into(), now + UPLOAD_WINDOW).await?;
            events::append(tx, &clock, &document, event).await?;
            Ok::<_, Error>(v1::Document::from(&document))
        })
    })
    .await?;

    let upload = sign_again(state, caller, &outcome.value).await?;
    // As in `initiate_upload`.
    let file_name = request.file_name.clone();
    Ok(outcome.map(|document| AwaitedUpload { document: v1::Document { file_name, ..document }, upload }))
}
