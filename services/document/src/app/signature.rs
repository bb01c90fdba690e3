//! Signing an upload that is awaited.

use std::time::Duration;

use auth::Caller;
use blobs::{Bucket, SignedPut, Upload};
use proto::document::v1;

use crate::domain::Document;
use crate::domain::document::UPLOAD_SIGNATURE;
use crate::{Error, State};

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

/// Signs the upload of the version that was answered, if it is still awaited.
pub(super) async fn sign_again(
    state: &State,
    caller: &Caller,
    answered: &v1::Document,
) -> Result<SignedPut, Error> {
    let document = super::get_document(state, caller, &answered.document_id, answered.version).await?;
    sign(state, &document).await
}
