//! Objects put together from parts, each of which was uploaded by a signature of its own.
//!
//! A store's word that it has put an object together is worth little: asked again it says yes to any list of parts once
//! something is there, and to a list that another request is still working on. So the object is looked at, and its
//! digest over the parts' digests says which parts it was made from.

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::time::Duration;
use time::OffsetDateTime;
use tracing::Instrument;

use crate::store::{digest, request_error, span};
use crate::{Blobs, Bucket, Error, Head, SignedPut, large};

/// The bytes that the signature of a part allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its place, from 1 to 10,000.
    pub number: u32,
    /// Size in bytes; at least 5 MiB but for the last.
    pub size: u64,
    /// SHA-256 of the bytes.
    pub sha256: [u8; 32],
}

/// A part that has arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPart {
    /// Its place.
    pub number: u32,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the bytes, which the store has checked.
    pub sha256: Option<[u8; 32]>,
    /// The store's own name for these bytes.
    pub etag: String,
}

/// An upload that was begun and neither completed nor aborted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenUpload {
    /// Key of the object that it would become.
    pub key: String,
    /// Its id.
    pub id: String,
    /// When it was begun; some stores say when its last part came.
    pub since: OffsetDateTime,
}

/// The SHA-256 over the SHA-256 of each part, in their order: what S3 says of an object made from parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Composite {
    /// The digest over the digests.
    pub sha256: [u8; 32],
    /// How many parts.
    pub parts: usize,
}

impl Composite {
    /// The digest of an object made from parts of these digests.
    #[must_use]
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a [u8; 32]>) -> Self {
        let (mut hash, mut count) = (Sha256::new(), 0);
        for part in parts {
            hash.update(part);
            count += 1;
        }
        Self { sha256: hash.finalize().into(), parts: count }
    }

    /// `<base64>-<parts>`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (sha256, parts) = text.rsplit_once('-')?;
        Some(Self { sha256: digest(sha256)?, parts: parts.parse().ok()? })
    }
}

impl Blobs {
    /// Begins an upload in parts to `key` and returns its id. Nothing is visible before [`Blobs::complete`]; what is never
    /// completed stays, and costs, until [`Blobs::abort`].
    ///
    /// # Errors
    /// [`Error::Request`].
    pub async fn create_multipart(
        &self,
        bucket: Bucket,
        key: &str,
        content_type: &str,
    ) -> Result<String, Error> {
        let request = self
            .client()
            .create_multipart_upload()
            .bucket(self.name(bucket))
            .key(key)
            .content_type(content_type)
            // From here on the store takes no part without its digest.
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_type(ChecksumType::Composite);
        let answer = request.send().instrument(span("create_multipart", bucket)).await;
        let answer = answer.map_err(|e| request_error("start an upload", e))?;
        answer.upload_id.ok_or_else(|| request_error("start an upload", "no id came back"))
    }

    /// Signs exactly these bytes for one part's place. They can be sent any number of times until the URL expires or the
    /// upload ends.
    ///
    /// # Errors
    /// [`Error::Credentials`], [`Error::Signing`].
    pub async fn presign_part(
        &self,
        bucket: Bucket,
        key: &str,
        upload_id: &str,
        part: &Part,
        ttl: Duration,
    ) -> Result<SignedPut, Error> {
        self.signer(ttl).await?.part(self.name(bucket), key, upload_id, part)
    }

    /// Sends a part of an upload that this process makes itself, of at least 5 MiB but for the last; the store checks it against
    /// its SHA-256. Sending it again is harmless.
    ///
    /// # Errors
    /// [`Error::NoUpload`], [`Error::Request`].
    pub async fn put_part(
        &self,
        bucket: Bucket,
        key: &str,
        upload_id: &str,
        number: u32,
        bytes: Bytes,
    ) -> Result<StoredPart, Error> {
        let (size, sha256): (_, [u8; 32]) = (bytes.len() as u64, Sha256::digest(&bytes).into());
        let request = self
            .client()
            .upload_part()
            .bucket(self.name(bucket))
            .key(key)
            .upload_id(upload_id)
            .part_number(i32::try_from(number).unwrap_or(i32::MAX))
            .checksum_sha256(STANDARD.encode(sha256))
            .body(ByteStream::from(bytes))
            .customize()
            .config_override(large::config(size));
        match request.send().instrument(span("put_part", bucket)).await {
            Ok(answer) => {
                let etag = answer.e_tag.ok_or_else(|| request_error("take a part", "no etag came back"))?;
                Ok(StoredPart { number, size, sha256: Some(sha256), etag })
            }
            Err(error) if error.code() == Some(NO_UPLOAD) => Err(Error::NoUpload),
            Err(error) => Err(request_error("take a part", error)),
        }
    }

    /// The parts that have arrived, in their order; nothing where the upload does not exist: completed, aborted, or of
    /// another key.
    ///
    /// # Errors
    /// [`Error::Request`].
    pub async fn list_parts(
        &self,
        bucket: Bucket,
        key: &str,
        upload_id: &str,
    ) -> Result<Option<Vec<StoredPart>>, Error> {
        let mut parts = Vec::new();
        let mut after = None;
        loop {
            let request = self
                .client()
                .list_parts()
                .bucket(self.name(bucket))
                .key(key)
                .upload_id(upload_id)
                .set_part_number_marker(after);
            let page = match request.send().instrument(span("list_parts", bucket)).await {
                Ok(page) => page,
                Err(error) if error.code() == Some(NO_UPLOAD) => return Ok(None),
                Err(error) => return Err(request_error("list parts", error)),
            };
            parts.extend(page.parts().iter().filter_map(stored_part));
            match page.next_part_number_marker {
                Some(next) if page.is_truncated == Some(true) => after = Some(next),
                _ => return Ok(Some(parts)),
            }
        }
    }

    /// Puts the object together from exactly these parts. Repeating it is harmless, also where it was done before.
    ///
    /// # Errors
    /// [`Error::Parts`] where one is missing, other than listed, out of order or too small, or the object was made from
    /// others; [`Error::NoUpload`]; [`Error::Assembling`] where the store goes on and it is to be asked again;
    /// [`Error::Request`].
    pub async fn complete(
        &self,
        bucket: Bucket,
        key: &str,
        upload_id: &str,
        parts: &[StoredPart],
    ) -> Result<Head, Error> {
        let size: u64 = parts.iter().map(|part| part.size).sum();
        let list = CompletedMultipartUpload::builder()
            .set_parts(Some(parts.iter().map(completed_part).collect()))
            .build();
        let request = self
            .client()
            .complete_multipart_upload()
            .bucket(self.name(bucket))
            .key(key)
            .upload_id(upload_id)
            .mpu_object_size(i64::try_from(size).unwrap_or(i64::MAX))
            .multipart_upload(list)
            .customize()
            .config_override(large::config(size));
        let answer = request.send().instrument(span("complete", bucket)).await;
        let gone = match answer {
            Ok(_) => false,
            Err(error) => match error.code() {
                Some(NO_UPLOAD) => true,
                Some(code) if REFUSALS.contains(&code) => return Err(Error::Parts(code.to_owned())),
                _ => return Err(request_error("put an object together", error)),
            },
        };
        let digests: Option<Vec<&[u8; 32]>> = parts.iter().map(|part| part.sha256.as_ref()).collect();
        let wanted = digests.map(Composite::of);
        match self.head(bucket, key).await? {
            Some(head) if wanted.is_some() && head.composite == wanted && head.size == size => Ok(head),
            Some(_) => Err(Error::Parts("it was made from others".to_owned())),
            None if gone => Err(Error::NoUpload),
            None => Err(Error::Assembling),
        }
    }

    /// Ends an upload and deletes its parts; harmless where it does not exist.
    ///
    /// # Errors
    /// [`Error::Request`].
    pub async fn abort(&self, bucket: Bucket, key: &str, upload_id: &str) -> Result<(), Error> {
        let request =
            self.client().abort_multipart_upload().bucket(self.name(bucket)).key(key).upload_id(upload_id);
        match request.send().instrument(span("abort", bucket)).await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some(NO_UPLOAD) => Ok(()),
            Err(error) => Err(request_error("abort an upload", error)),
        }
    }

    /// Uploads that are open, of keys that begin with `prefix`, by key.
    ///
    /// # Errors
    /// [`Error::Request`].
    pub async fn list_uploads(&self, bucket: Bucket, prefix: &str) -> Result<Vec<OpenUpload>, Error> {
        let mut uploads = Vec::new();
        let mut after: Option<(String, Option<String>)> = None;
        loop {
            let (key, id) = after.map_or((None, None), |(key, id)| (Some(key), id));
            let request = self
                .client()
                .list_multipart_uploads()
                .bucket(self.name(bucket))
                .prefix(prefix)
                .set_key_marker(key)
                .set_upload_id_marker(id);
            let page = request.send().instrument(span("list_uploads", bucket)).await;
            let page = page.map_err(|e| request_error("list uploads", e))?;
            uploads.extend(page.uploads().iter().filter_map(open_upload));
            after = match page.next_key_marker.filter(|key| !key.is_empty()) {
                Some(key) if page.is_truncated == Some(true) => Some((key, page.next_upload_id_marker)),
                _ => return Ok(uploads),
            };
        }
    }

    /// Aborts every open upload of keys that begin with `prefix` and have not changed since `before`. Returns how many.
    ///
    /// # Errors
    /// [`Error::Request`].
    pub async fn abort_stale(
        &self,
        bucket: Bucket,
        prefix: &str,
        before: OffsetDateTime,
    ) -> Result<usize, Error> {
        let uploads = self.list_uploads(bucket, prefix).await?;
        let stale: Vec<_> = uploads.into_iter().filter(|upload| upload.since < before).collect();
        for upload in &stale {
            self.abort(bucket, &upload.key, &upload.id).await?;
        }
        Ok(stale.len())
    }
}

const NO_UPLOAD: &str = "NoSuchUpload";
/// What a store says of a list of parts that it does not take.
const REFUSALS: &[&str] = &[
    "InvalidPart",
    "InvalidPartOrder",
    "InvalidPartNumber",
    "EntityTooSmall",
    "EntityTooLarge",
    "BadDigest",
    "InvalidRequest",
    "InvalidArgument",
    "MalformedXML",
];

fn stored_part(part: &aws_sdk_s3::types::Part) -> Option<StoredPart> {
    Some(StoredPart {
        number: part.part_number.and_then(|n| u32::try_from(n).ok())?,
        size: part.size.and_then(|n| u64::try_from(n).ok())?,
        sha256: part.checksum_sha256().and_then(digest),
        etag: part.e_tag.clone()?,
    })
}

fn completed_part(part: &StoredPart) -> CompletedPart {
    CompletedPart::builder()
        .part_number(i32::try_from(part.number).unwrap_or(i32::MAX))
        .e_tag(&part.etag)
        .set_checksum_sha256(part.sha256.map(|digest| STANDARD.encode(digest)))
        .build()
}

fn open_upload(upload: &aws_sdk_s3::types::MultipartUpload) -> Option<OpenUpload> {
    let since = upload.initiated.as_ref()?;
    Some(OpenUpload {
        key: upload.key.clone()?,
        id: upload.upload_id.clone()?,
        since: OffsetDateTime::from_unix_timestamp(since.secs()).ok()?,
    })
}
