//! Uploads in parts, at the object store.
//!
//! The upload is begun there when the first part is to be signed: the version's row is there before, so that whatever
//! was begun is found by its key and aborted, also where its id was never written down.

use auth::Caller;
use blobs::{Bucket, StoredPart};

use crate::domain::{Document, Parts, StoredObject};
use crate::{Error, State, db};

/// The caller's newest version whose upload is awaited, and its parts.
pub(super) async fn awaited(
    state: &State,
    caller: &Caller,
    document_id: &str,
) -> Result<(Document, Parts), Error> {
    let document = super::find_upload(state, caller, document_id, 0).await?;
    document.upload_window(state.clock.now())?;
    let parts = document.parts().ok_or(Error::NotInParts)?;
    Ok((document, parts))
}

/// The store's id of an upload, if it was begun.
pub(super) async fn upload_id(state: &State, document: &Document) -> Result<Option<String>, Error> {
    let (tenant, version) = (document.tenant.clone(), document.version_id);
    let found = state.db.tenant(&document.tenant, move |tx| {
        Box::pin(async move { Ok::<_, Error>(db::part_uploads::find(tx, &tenant, version).await?) })
    });
    found.await
}

/// The store's id of an upload, which is begun where it was not.
pub(super) async fn begin(state: &State, caller: &Caller, document: &Document) -> Result<String, Error> {
    if let Some(begun) = upload_id(state, document).await? {
        return Ok(begun);
    }
    let (key, kind) = (document.intake_key(), document.declaration.media_type.as_str());
    let begun = state.blobs.create_multipart(Bucket::Intake, &key, kind).await?;
    let kept = keep(state, caller, document, begun.clone()).await?;
    if kept != begun {
        // Another call was first. What is not aborted now is when the version needs no upload any longer.
        if let Err(error) = state.blobs.abort(Bucket::Intake, &key, &begun).await {
            let error = &error as &dyn std::error::Error;
            tracing::info!(version.id = %document.version_id, error, "second upload not aborted yet");
        }
    }
    Ok(kept)
}

/// Writes the id, unless there is one: returns the one that counts.
async fn keep(state: &State, caller: &Caller, document: &Document, begun: String) -> Result<String, Error> {
    let (tenant, viewer, clock) = (caller.tenant.clone(), super::uploader(caller), state.clock.clone());
    let (id, version) = (document.id, document.version);
    state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move {
                let locked = db::documents::lock(tx, &tenant, &viewer, id, Some(version)).await?;
                let document = locked.ok_or(Error::DocumentNotFound)?;
                let now = clock.now();
                document.upload_window(now)?;
                let version = document.version_id;
                if let Some(first) = db::part_uploads::find(tx, &tenant, version).await? {
                    return Ok(first);
                }
                db::part_uploads::insert(tx, &tenant, version, &begun, now).await?;
                Ok::<_, Error>(begun)
            })
        })
        .await
}

/// The object that the parts make, put together where it is not yet; nothing where nothing was sent. Repeatable: once
/// there is an object, it is the one.
pub(super) async fn assemble(
    state: &State,
    document: &Document,
    parts: Parts,
) -> Result<Option<StoredObject>, Error> {
    if let Some(made) = object(state, document).await? {
        return Ok(Some(made));
    }
    let Some(upload) = upload_id(state, document).await? else { return Ok(None) };
    let key = document.intake_key();
    let Some(arrived) = state.blobs.list_parts(Bucket::Intake, &key, &upload).await? else {
        // Put together since; or the store is at it for another call, or has lost it: whoever lists again sees which.
        let made = object(state, document).await?;
        return made.map(Some).ok_or(Error::PartsMissing { missing: parts.count(), count: parts.count() });
    };
    // The store takes any list: what must be there is compared here.
    let missing = missing(parts, &arrived);
    if missing > 0 || arrived.len() != usize::try_from(parts.count()).unwrap_or_default() {
        return Err(Error::PartsMissing { missing, count: parts.count() });
    }
    match state.blobs.complete(Bucket::Intake, &key, &upload, &arrived).await {
        Ok(head) => Ok(Some(super::stored_object(&head))),
        // A part was sent again in between, or the upload was given up: what is listed then is something else.
        Err(blobs::Error::Parts(_) | blobs::Error::NoUpload) => {
            Err(Error::PartsMissing { missing: 1, count: parts.count() })
        }
        Err(error) => Err(error.into()),
    }
}

/// How many parts have not arrived, or not as they must be.
pub(super) fn missing(parts: Parts, arrived: &[StoredPart]) -> i32 {
    parts.missing(|number, size| {
        arrived.iter().any(|part| {
            i32::try_from(part.number) == Ok(number)
                && i64::try_from(part.size) == Ok(size)
                && part.sha256.is_some()
        })
    })
}

/// What lies under the upload's key.
pub(super) async fn object(state: &State, document: &Document) -> Result<Option<StoredObject>, Error> {
    let head = state.blobs.head(Bucket::Intake, &document.intake_key()).await?;
    Ok(head.as_ref().map(super::stored_object))
}

/// Aborts every upload in parts of a version, those too whose id was never written down.
pub(super) async fn abort_all(state: &State, document: &Document) -> Result<(), Error> {
    if document.parts().is_none() {
        return Ok(());
    }
    let key = document.intake_key();
    let open = state.blobs.list_uploads(Bucket::Intake, &key).await?;
    // The key of version 1 begins that of version 10.
    for upload in open.iter().filter(|upload| upload.key == key) {
        state.blobs.abort(Bucket::Intake, &key, &upload.id).await?;
        tracing::info!(tenant = %document.tenant, version.id = %document.version_id, "abandoned parts deleted");
    }
    Ok(())
}
