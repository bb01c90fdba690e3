//! Signing an upload that is awaited.

use std::time::Duration;

use auth::Caller;
use blobs::{Bucket, SignedPut, Upload};
use proto::document::v1;

use crate::domain::Document;
use crate::domain::document::UPLOAD_SIGNATURE;
use crate::{Error, State};

/// A document and how its bytes are put in place.
#[derive(Debug)]
pub struct AwaitedUpload {
    /// The document as it was answered first.
    pub document: v1::Document,
    /// The signature, made for this answer and stored nowhere; none where the bytes are sent in parts.
    pub upload: Option<SignedPut>,
}

/// How long a signature made now lives: at most [`UPLOAD_SIGNATURE`], and never beyond the window.
pub(super) fn lifetime(state: &State, document: &Document) -> Result<Duration, Error> {
    let now = state.clock.now();
    let left = document.upload_window(now)? - now;
    // Signatures count whole seconds, and one of none is refused by the store rather than expired.
    Ok(left.min(UPLOAD_SIGNATURE).unsigned_abs().max(Duration::from_secs(1)))
}

/// Signs exactly the declared bytes, unless they are sent in parts.
pub(super) async fn sign(state: &State, document: &Document) -> Result<Option<SignedPut>, Error> {
    let ttl = lifetime(state, document)?;
    if document.parts().is_some() {
        return Ok(None);
    }
    let declared = &document.declaration;
    let upload = Upload {
        content_type: declared.media_type.as_str(),
        size: declared.size.bytes().unsigned_abs(),
        sha256: *declared.sha256.as_bytes(),
    };
    let signed = state.blobs.presign_put(Bucket::Intake, &document.intake_key(), &upload, ttl).await?;
    Ok(Some(signed))
}

/// Signs the upload of the version that was answered, if it is still awaited.
pub(super) async fn sign_again(
    state: &State,
    caller: &Caller,
    answered: &v1::Document,
) -> Result<Option<SignedPut>, Error> {
    let document = super::find_upload(state, caller, &answered.document_id, answered.version).await?;
    sign(state, &document).await
}
