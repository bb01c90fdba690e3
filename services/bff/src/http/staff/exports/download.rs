//! `GET /v1/staff/exports/{id}/download`

use axum::Json;
use axum::extract::{Path, State};
use proto::document::v1::DownloadCaseExportRequest;
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;
use crate::http::notifications::rfc3339;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// A signed download of an archive.
#[derive(Debug, Serialize, ToSchema)]
pub struct ArchiveDownload {
    /// A plain `GET` returns the archive, a ZIP file.
    url: String,
    /// RFC 3339, UTC; at most 60 seconds from now.
    expires_at: Option<String>,
}

/// Signs a download of an export, for a minute at most, and writes the access log of every version whose bytes are in it. 423
/// before it is made. For staff.
#[utoipa::path(get, path = "/v1/staff/exports/{id}/download", tag = "staff",
    security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the export.")),
    responses((status = 200, body = ArchiveDownload), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 410, body = Problem),
        (status = 423, body = Problem)))]
pub async fn download(
    State(app): State<App>,
    principal: Principal,
    Path(export_id): Path<String>,
) -> Result<Json<ArchiveDownload>> {
    let request = Services::forward(&principal, None, DownloadCaseExportRequest { export_id })?;
    let answer = app.services.cases.clone().download_case_export(request).await?.into_inner();
    Ok(Json(ArchiveDownload { url: answer.url, expires_at: answer.expires_at.and_then(rfc3339) }))
}
