//! Signing an upload that is awaited.

use std::time::Duration;

use auth::Caller;
use blobs::{Bucket, SignedPut, Upload};
use ids::DocumentId;
use proto::document::v1;

use crate::domain::Document;
use crate::domain::document::UPLOAD_SIGNATURE;
use crate::{Error, State, db};

/// A document and the signed request that puts its bytes in place.
#[derive(Debug)]
pub struct AwaitedUpload {
    /// The document as it was answered first.
    pub document: v1::Document,
    /// The signature, made for this answer and stored nowhere.
    pub upload: SignedPut,
}

/// Signs exactly the declared bytes, for at most [`UPLOAD_SIGNATURE`] and never beyond the window.
pub(super) async fn sign(state: &State, document: &Document) -> Result<SignedPut, Error> {
    let now = state.clock.now();
    let left = document.upload_window(now)? - now;
    // Signatures count whole seconds, and one of none is refused by the store rather than expired.
    let ttl = left.min(UPLOAD_SIGNATURE).unsigned_abs().max(Duration::from_secs(1));
    let declared = &document.declaration;
    let upload = Upload {
        content_type: declared.media_type.as_str(),
        size: declared.size.bytes().unsigned_abs(),
        sha256: *declared.sha256.as_bytes(),
    };
    Ok(state.blobs.presign_put(Bucket::Intake, &document.intake_key(), &upload, ttl).await?)
}

/// Signs an upload again for an answer that was stored, if it is still awaited.
pub(super) async fn sign_again(state: &State, caller: &Caller, id: DocumentId) -> Result<SignedPut, Error> {
    let (tenant, viewer) = (caller.tenant.clone(), super::viewer(caller));
    let found = state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move { Ok::<_, Error>(db::documents::find(tx, &tenant, &viewer, id).await?) })
        })
        .await?;
    sign(state, &found.ok_or(Error::DocumentNotFound)?).await
}
