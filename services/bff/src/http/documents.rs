//! Documents, as JSON.

pub mod accesses;
pub mod confirm;
pub mod correct;
pub mod download;
pub mod erase;
pub mod get;
pub mod initiate;
pub mod list;
pub mod parts;
pub mod preview;
pub mod refresh;
pub mod shared;
pub mod versions;

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use proto::document::v1::{Document, DocumentStatus, RejectionReason, SignedUpload};
use rpc_error::{Code, Error, reason};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use self::parts::PartsView;
use super::notifications::rfc3339;
use crate::principal::Principal;

/// Name of the header that makes a repeated call harmless.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A document, as one of its versions shows it.
#[derive(Debug, Serialize, ToSchema)]
pub struct DocumentView {
    /// UUIDv7.
    id: String,
    /// Which version is shown, from 1.
    version: i32,
    /// The newest version, whatever became of it.
    latest_version: i32,
    /// The newest version that can be read; `null` while none can.
    latest_ready_version: Option<i32>,
    /// `pending_upload`, `uploaded`, `scanning`, `quarantined`, `ready`, `rejected`, `expired` or `erased`. More may come.
    status: &'static str,
    /// Why it was rejected: `INFECTED`, `TYPE_MISMATCH`, `SIZE_MISMATCH`, `CHECKSUM_MISMATCH` or `UNSCANNABLE`; else `null`.
    rejection: Option<&'static str>,
    /// What it is handed in for.
    purpose: String,
    /// The file's name as handed in; `null` once erased.
    file_name: Option<String>,
    /// Declared media type.
    content_type: String,
    /// Media type found in the bytes; `null` before the verdict.
    detected_content_type: Option<String>,
    /// Bytes.
    size_bytes: i64,
    /// SHA-256 in lower-case hexadecimal.
    sha256: String,
    /// RFC 3339, UTC.
    created_at: Option<String>,
    /// RFC 3339, UTC.
    updated_at: Option<String>,
    /// Until when the upload is awaited; `null` once confirmed.
    upload_expires_at: Option<String>,
    /// Until when this version is kept at least; RFC 3339, UTC; `null` before it was ready.
    retain_until: Option<String>,
    /// The parts in which the bytes are sent, where an upload of more than 64 MiB is awaited; else `null`.
    parts: Option<PartsView>,
    /// How to put the bytes by one request; only in answers that sign an upload.
    #[serde(skip_serializing_if = "Option::is_none")]
    upload: Option<UploadView>,
    /// What can be done now.
    #[serde(rename = "_links")]
    links: Links,
}

/// A signed upload. Send the bytes with exactly these headers.
#[derive(Debug, Serialize, ToSchema)]
pub struct UploadView {
    /// Always `PUT`.
    method: String,
    /// Where to.
    url: String,
    /// Headers that are part of the signature.
    headers: BTreeMap<String, String>,
    /// RFC 3339, UTC.
    expires_at: Option<String>,
}

/// Links that are not possible now are `null`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Links {
    /// This document.
    #[serde(rename = "self")]
    own: Option<String>,
    /// `POST` for a fresh signature, where the bytes are sent by one request.
    upload_url: Option<String>,
    /// `GET` for the parts that have arrived, `POST` to sign parts, where the bytes are sent in parts.
    parts: Option<String>,
    /// `DELETE` to give the upload up.
    abort: Option<String>,
    /// `POST` once the bytes are sent.
    confirm: Option<String>,
    /// `GET` for a signed download of this version.
    download: Option<String>,
    /// `GET` for images of this version's pages.
    preview: Option<String>,
    /// `GET` for every version.
    versions: Option<String>,
    /// `POST` to declare a corrected file as the next version; for the document's owner.
    correct: Option<String>,
    /// `DELETE` to erase the document; `null` once a version was ready, since what is ready is kept for its time.
    erase: Option<String>,
}

impl From<Document> for DocumentView {
    fn from(document: Document) -> Self {
        let base = format!("/v1/documents/{}", document.document_id);
        let status = document.status();
        let pending = status == DocumentStatus::PendingUpload;
        let in_parts = document.upload_parts.is_some();
        let newest = document.version == document.latest_version;
        let own = if newest { base.clone() } else { format!("{base}?version={}", document.version) };
        let download = (status == DocumentStatus::Ready)
            .then(|| format!("{base}/download?version={}", document.version));
        let preview = download.is_some().then(|| format!("{base}/preview?version={}", document.version));
        let versions = format!("{base}/versions");
        Self {
            status: status_name(status),
            rejection: rejection_name(document.rejection_reason()),
            links: Links {
                parts: in_parts.then(|| format!("{base}/parts")),
                abort: pending.then(|| format!("{base}/upload")),
                upload_url: (pending && !in_parts).then(|| format!("{base}/upload-url")),
                confirm: pending.then(|| format!("{base}/confirm")),
                download,
                preview,
                correct: (newest && is_settled(status)).then(|| versions.clone()),
                erase: (document.latest_ready_version == 0 && status != DocumentStatus::Erased)
                    .then(|| base.clone()),
                versions: Some(versions),
                own: Some(own),
            },
            id: document.document_id,
            version: document.version,
            latest_version: document.latest_version,
            latest_ready_version: Some(document.latest_ready_version).filter(|version| *version > 0),
            purpose: document.purpose,
            file_name: Some(document.file_name).filter(|name| !name.is_empty()),
            content_type: document.content_type,
            detected_content_type: Some(document.detected_content_type).filter(|kind| !kind.is_empty()),
            size_bytes: document.size_bytes,
            sha256: hex::encode(document.sha256),
            created_at: document.created_at.and_then(rfc3339),
            updated_at: document.updated_at.and_then(rfc3339),
            upload_expires_at: document.upload_expires_at.and_then(rfc3339),
            retain_until: document.retain_until.and_then(rfc3339),
            parts: document.upload_parts.map(PartsView::from),
            upload: None,
        }
    }
}

impl DocumentView {
    /// A document as the caller may use it: with whom it was shared can read it, and nothing else.
    fn to(principal: &Principal, document: Document) -> Self {
        let caller = &principal.caller;
        let own = !caller.is_citizen() || document.owner == caller.subject.as_str();
        if own { Self::from(document) } else { Self::of_another(document) }
    }

    /// A document that is somebody else's: it can be read, and nothing else.
    fn of_another(document: Document) -> Self {
        let view = Self::from(document);
        let links = Links { upload_url: None, confirm: None, correct: None, erase: None, ..view.links };
        Self { links, ..view }
    }

    fn with_upload(document: Document, upload: Option<SignedUpload>) -> Self {
        Self { upload: upload.map(UploadView::from), ..Self::from(document) }
    }
}

impl From<SignedUpload> for UploadView {
    fn from(upload: SignedUpload) -> Self {
        Self {
            method: upload.method,
            url: upload.url,
            headers: upload.headers.into_iter().collect(),
            expires_at: upload.expires_at.and_then(rfc3339),
        }
    }
}

fn is_settled(status: DocumentStatus) -> bool {
    matches!(status, DocumentStatus::Ready | DocumentStatus::Rejected | DocumentStatus::Expired)
}

fn status_name(status: DocumentStatus) -> &'static str {
    match status {
        DocumentStatus::Unspecified => "unknown",
        DocumentStatus::PendingUpload => "pending_upload",
        DocumentStatus::Uploaded => "uploaded",
        DocumentStatus::Scanning => "scanning",
        DocumentStatus::Quarantined => "quarantined",
        DocumentStatus::Ready => "ready",
        DocumentStatus::Rejected => "rejected",
        DocumentStatus::Expired => "expired",
        DocumentStatus::Erased => "erased",
    }
}

fn rejection_name(reason: RejectionReason) -> Option<&'static str> {
    match reason {
        RejectionReason::Unspecified => None,
        RejectionReason::Infected => Some("INFECTED"),
        RejectionReason::TypeMismatch => Some("TYPE_MISMATCH"),
        RejectionReason::SizeMismatch => Some("SIZE_MISMATCH"),
        RejectionReason::ChecksumMismatch => Some("CHECKSUM_MISMATCH"),
        RejectionReason::Unscannable => Some("UNSCANNABLE"),
    }
}

/// Tells the client that the answer is a stored one.
pub(crate) fn replay_headers(metadata: &tonic::metadata::MetadataMap) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if metadata.contains_key("idempotent-replayed") {
        headers.insert(HeaderName::from_static("idempotent-replayed"), HeaderValue::from_static("true"));
    }
    headers
}

/// Which version.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct WhichVersion {
    /// Its number, from 1; without it, the newest that the call is about.
    pub(crate) version: Option<i32>,
}

/// A SHA-256 as clients write it.
pub(crate) fn digest(sha256: &str) -> Result<Vec<u8>, Error> {
    hex::decode(sha256).map_err(|_| {
        Error::new(Code::InvalidArgument, reason::DIGEST_INVALID, "`sha256` must be 64 hexadecimal digits")
            .violation("sha256", "must be 64 hexadecimal digits")
    })
}

/// A service left out what its contract promises.
pub(crate) fn incomplete() -> rpc_error::Error {
    rpc_error::Error::internal("a service left out what its contract promises")
}
