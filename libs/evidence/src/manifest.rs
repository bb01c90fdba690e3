//! What is known of a case.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::serde::rfc3339;

use crate::proof::{Hex, Proof};

/// Everything that is known of a case's documents when it was exported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this format: 1.
    pub format: u32,
    /// The service that exported it.
    pub service: String,
    /// Whose case it is.
    pub tenant: String,
    /// Reference of the case.
    pub case_ref: String,
    /// When it was exported.
    #[serde(with = "rfc3339")]
    pub exported_at: OffsetDateTime,
    /// Subject of who asked for it.
    pub exported_by: String,
    /// UUIDv7 of the export.
    pub export_id: String,
    /// Why it was exported.
    pub reason: String,
    /// The case's documents, by id.
    pub documents: Vec<Document>,
    /// Legal holds on them, those of other cases and those that are over too, by id.
    pub holds: Vec<Hold>,
    /// Proofs of what happened to the documents, as far as a checkpoint covered it.
    pub proofs: Vec<Proof>,
}

/// A document of a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// UUIDv7.
    pub id: String,
    /// Subject of whose document it is.
    pub owner: String,
    /// What it was handed in for.
    pub purpose: String,
    /// The class that says how long its versions are kept.
    pub retention_class: String,
    /// When its first version was declared.
    #[serde(with = "rfc3339")]
    pub created_at: OffsetDateTime,
    /// Its versions, from 1.
    pub versions: Vec<Version>,
    /// Who could read which of them, in order of time.
    pub accesses: Vec<Access>,
}

/// A version of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// Its number, from 1.
    pub version: i32,
    /// Its bytes in the archive; absent for what cannot be read: only what is ready is in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Media type as declared.
    pub content_type: String,
    /// Size in bytes.
    pub size_bytes: i64,
    /// SHA-256 of the bytes.
    pub sha256: Hex,
    /// Where it stands.
    pub status: String,
    /// Why it was rejected, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejection_reason: Option<String>,
    /// Media type that the scan found, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detected_content_type: Option<String>,
    /// Until when it is kept at the least; absent where it never was ready.
    #[serde(default, with = "rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub retain_until: Option<OffsetDateTime>,
    /// When it was declared.
    #[serde(with = "rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it last changed.
    #[serde(with = "rfc3339")]
    pub updated_at: OffsetDateTime,
}

impl Version {
    /// Where an archive has the bytes: by document and number, with the ending of its media type. `None` for an id that is
    /// none of ours.
    #[must_use]
    pub fn path(&self, document: &str) -> Option<String> {
        let ours = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if document.is_empty() || !document.bytes().all(ours) {
            return None;
        }
        let ending = match self.content_type.as_str() {
            "application/pdf" => ".pdf",
            "application/zip" => ".zip",
            "text/csv" => ".csv",
            "image/jpeg" => ".jpg",
            "image/png" => ".png",
            "image/tiff" => ".tiff",
            "text/plain" => ".txt",
            "video/mp4" => ".mp4",
            _ => "",
        };
        Some(format!("files/{document}/{}{ending}", self.version))
    }
}

/// A download that was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// UUIDv7 of the event that tells of it.
    pub event_id: String,
    /// Which version.
    pub version: i32,
    /// Subject of who could read it.
    pub accessor: String,
    /// The client that acted for them.
    pub client_id: String,
    /// When it was signed.
    #[serde(with = "rfc3339")]
    pub accessed_at: OffsetDateTime,
    /// Until when it could be used.
    #[serde(with = "rfc3339")]
    pub expires_at: OffsetDateTime,
    /// What for.
    pub purpose: String,
    /// UUIDv7 of the grant that allowed it; absent where none was needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<String>,
}

/// A legal hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// UUIDv7.
    pub id: String,
    /// The case that holds.
    pub case_ref: String,
    /// The document that is held.
    pub document_id: String,
    /// Which version; absent for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i32>,
    /// Why; absent once the document of an erased person is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Subject of who placed it.
    pub placed_by: String,
    /// When it was placed.
    #[serde(with = "rfc3339")]
    pub placed_at: OffsetDateTime,
    /// Subject of who released it, if it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub released_by: Option<String>,
    /// When it was released.
    #[serde(default, with = "rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub released_at: Option<OffsetDateTime>,
    /// Why it was released.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release_reason: Option<String>,
}
