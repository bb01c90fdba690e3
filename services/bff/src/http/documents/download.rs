//! `GET /v1/documents/{id}/download`

use axum::Json;
use axum::extract::State;
use proto::document::v1::CreateDownloadRequest;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::http::extract::{DocumentPath, Query};
use crate::http::notifications::rfc3339;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Which version, and what for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Which version, from 1; without it, the newest that is ready.
    pub(crate) version: Option<i32>,
    /// What for: a purpose of the access policy, which staff have to name.
    pub(crate) purpose: Option<String>,
}

/// A signed download.
#[derive(Debug, Serialize, ToSchema)]
pub struct Download {
    /// A plain `GET` returns the bytes.
    pub(crate) url: String,
    /// RFC 3339, UTC; at most five minutes from now, one where anything about it is sensitive.
    pub(crate) expires_at: Option<String>,
    /// Which version of the document it is.
    pub(crate) version: i32,
}

/// Signs a download and writes the access log: of the newest version that is ready, unless one is named. For the owner,
/// for whom it was shared with, and for staff, who say what for. 423 before the verdict.
#[utoipa::path(get, path = "/v1/documents/{id}/download", tag = "documents",
    security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the document."), Wanted),
    responses((status = 200, body = Download), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 410, body = Problem), (status = 422, body = Problem), (status = 423, body = Problem)))]
pub async fn download(
    State(app): State<App>,
    principal: Principal,
    DocumentPath(id): DocumentPath,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Download>> {
    sign(&app, &principal, id.to_string(), wanted).await
}

/// Signs a download of a document, whatever it is of.
pub(crate) async fn sign(
    app: &App,
    principal: &Principal,
    document_id: String,
    wanted: Wanted,
) -> Result<Json<Download>> {
    let message = CreateDownloadRequest {
        document_id,
        version: wanted.version.unwrap_or_default(),
        purpose: wanted.purpose.unwrap_or_default(),
    };
    let request = Services::forward(principal, None, message)?;
    let answer = app.services.document.clone().create_download(request).await?.into_inner();
    Ok(Json(Download {
        url: answer.url,
        expires_at: answer.expires_at.and_then(rfc3339),
        version: answer.version,
    }))
}
