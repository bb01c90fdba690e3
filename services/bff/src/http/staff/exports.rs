//! Exports of cases, as JSON.

pub mod create;
pub mod download;
pub mod get;

use proto::document::v1::{CaseExport, CaseExportState};
use rpc_error::Error;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::documents::incomplete;
use crate::http::notifications::rfc3339;
use crate::http::staff::holds::ActView;

/// A copy of what is known of a case, as a signed archive that `document verify` checks.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExportView {
    /// UUIDv7 of the export.
    id: String,
    /// Reference of the case.
    #[serde(rename = "case")]
    case_ref: String,
    /// `pending` while it is being made, then `ready` or `failed`, and `erased` in the end. More may come.
    status: &'static str,
    /// Why it failed: `CASE_EMPTY`, `CASE_TOO_LARGE`, `EVIDENCE_MISSING`, `AUDIT_BROKEN`; else `null`. More may come.
    failure: Option<String>,
    /// Who asked for it.
    asked: Option<ActView>,
    /// SHA-256 of the manifest in it, hexadecimal; `null` unless it is ready.
    manifest_sha256: Option<String>,
    /// Size of the archive in bytes; `null` unless it is ready.
    size_bytes: Option<i64>,
    /// When it is erased by itself, RFC 3339, UTC.
    kept_until: Option<String>,
    /// What can be done now.
    #[serde(rename = "_links")]
    links: Links,
}

/// Links of an export.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExportLinks)]
pub struct Links {
    /// This export.
    #[serde(rename = "self")]
    own: String,
    /// Signs a download; `null` unless it is ready.
    download: Option<String>,
}

impl ExportView {
    fn new(export: Option<CaseExport>) -> Result<Self, Error> {
        let export = export.ok_or_else(incomplete)?;
        let state = export.state();
        let own = format!("/v1/staff/exports/{}", export.export_id);
        let ready = state == CaseExportState::Ready;
        Ok(Self {
            status: match state {
                CaseExportState::Unspecified => "unknown",
                CaseExportState::Pending => "pending",
                CaseExportState::Ready => "ready",
                CaseExportState::Failed => "failed",
                CaseExportState::Erased => "erased",
            },
            id: export.export_id,
            case_ref: export.case_ref,
            failure: Some(export.failure).filter(|failure| !failure.is_empty()),
            asked: export.asked.map(ActView::from),
            manifest_sha256: ready.then(|| hex::encode(export.manifest_sha256)),
            size_bytes: ready.then_some(export.size_bytes),
            kept_until: export.kept_until.and_then(rfc3339),
            links: Links { download: ready.then(|| format!("{own}/download")), own },
        })
    }
}
