//! What services make themselves, beside what citizens send: small objects under a prefix of their own.

use aws_sdk_s3::primitives::ByteStream;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use tracing::Instrument;

use crate::store::{request_error, span};
use crate::{Blobs, Bucket, Error};

impl Blobs {
    /// Stores bytes under `key`; the store checks them against their SHA-256 and keeps it. Repeating it is harmless but for
    /// another version in a versioned bucket.
    ///
    /// # Errors
    /// [`Error::Request`].
    pub async fn put(
        &self,
        bucket: Bucket,
        key: &str,
        bytes: Bytes,
        content_type: &str,
        sha256: [u8; 32],
    ) -> Result<(), Error> {
        let request = self
            .client()
            .put_object()
            .bucket(self.name(bucket))
            .key(key)
            .content_type(content_type)
            .checksum_sha256(STANDARD.encode(sha256))
            .body(ByteStream::from(bytes));
        request.send().instrument(span("put", bucket)).await.map_err(|e| request_error("put", e))?;
        Ok(())
    }

    /// Deletes every version of every key that begins with `prefix`, for good; harmless where there is none. Meant for
    /// what nobody locks.
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::Request`]; what was deleted until then stays so.
    pub async fn delete_under(&self, bucket: Bucket, prefix: &str) -> Result<(), Error> {
        loop {
            let request = self.client().list_object_versions().bucket(self.name(bucket)).prefix(prefix);
            let page = request.send().instrument(span("list_versions", bucket)).await;
            let page = page.map_err(|e| request_error("list versions", e))?;
            let stored = page.versions().iter().map(|version| (version.key(), version.version_id()));
            let marks = page.delete_markers().iter().map(|mark| (mark.key(), mark.version_id()));
            let mut nothing = true;
            for (key, version) in stored.chain(marks) {
                let (Some(key), Some(version)) = (key, version) else { continue };
                self.delete_version(bucket, key, version, false).await?;
                nothing = false;
            }
            if nothing {
                return Ok(());
            }
        }
    }
}
