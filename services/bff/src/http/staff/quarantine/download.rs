//! `GET /v1/staff/quarantine/{id}/download`

use axum::Json;
use axum::extract::State;
use proto::document::v1::DownloadQuarantinedRequest;

use crate::App;
use crate::http::documents::WhichVersion;
use crate::http::documents::download::Download;
use crate::http::extract::{DocumentPath, Query};
use crate::http::notifications::rfc3339;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Signs a download of a quarantined version for its review, for a minute at most, and writes the access log. No scanner has
/// looked into these bytes. For staff.
#[utoipa::path(get, path = "/v1/staff/quarantine/{id}/download", tag = "staff",
    security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the document."), WhichVersion),
    responses((status = 200, body = Download), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 410, body = Problem)))]
pub async fn download(
    State(app): State<App>,
    principal: Principal,
    DocumentPath(id): DocumentPath,
    Query(which): Query<WhichVersion>,
) -> Result<Json<Download>> {
    let version = which.version.unwrap_or_default();
    let message = DownloadQuarantinedRequest { document_id: id.to_string(), version };
    let request = Services::forward(&principal, None, message)?;
    let answer = app.services.quarantine.clone().download_quarantined(request).await?.into_inner();
    Ok(Json(Download {
        url: answer.url,
        expires_at: answer.expires_at.and_then(rfc3339),
        version: answer.version,
    }))
}
