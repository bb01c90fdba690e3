//! From bucket to bucket, within the store.

use aws_sdk_s3::types::ChecksumAlgorithm;
use tracing::Instrument;

use crate::sign::encode;
use crate::store::{digest, request_error, span, status};
use crate::{Blobs, Bucket, Error, large};

/// The result of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// SHA-256 of the copy where the store says it; [`Blobs::head`] says it too.
    pub sha256: Option<[u8; 32]>,
    /// Version of the copy, in a versioned bucket.
    pub version: Option<String>,
}

impl Blobs {
    /// Copies an intake object of `size` bytes to the evidence bucket, within the store. Repeating it is harmless: the
    /// bytes of an intake key never change. The copy has a SHA-256 of its own over all bytes, made by the store from
    /// what it wrote, also where the original was put together from parts. The store copies up to [`large::MAX_OBJECT`]
    /// in one go; the deadline grows with the size.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Request`].
    pub async fn copy_to_evidence(
        &self,
        intake_key: &str,
        evidence_key: &str,
        size: u64,
    ) -> Result<Copied, Error> {
        self.copy((Bucket::Intake, intake_key), (Bucket::Evidence, evidence_key), size).await
    }

    /// Copies an object of `size` bytes from one bucket's key to another's, as [`Blobs::copy_to_evidence`] does. In a
    /// versioned bucket what was there before stays as an earlier version.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Request`].
    pub async fn copy(
        &self,
        (from, from_key): (Bucket, &str),
        (to, to_key): (Bucket, &str),
        size: u64,
    ) -> Result<Copied, Error> {
        let source = format!("{}/{}", self.name(from), encode(from_key, "/"));
        let answer = self
            .client()
            .copy_object()
            .copy_source(source)
            .bucket(self.name(to))
            .key(to_key)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .customize()
            .config_override(large::config(size))
            .send()
            .instrument(span("copy", to))
            .await;
        match answer {
            Ok(answer) => Ok(Copied {
                sha256: answer.copy_object_result().and_then(|r| r.checksum_sha256()).and_then(digest),
                version: answer.version_id().filter(|v| *v != "null").map(str::to_owned),
            }),
            Err(error) if status(&error) == Some(404) => Err(Error::Missing(from_key.to_owned())),
            Err(error) => Err(request_error("copy", error)),
        }
    }
}
