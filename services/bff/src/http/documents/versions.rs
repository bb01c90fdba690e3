//! `GET /v1/documents/{id}/versions`

use axum::Json;
use axum::extract::State;
use proto::document::v1::ListVersionsRequest;
use serde::Serialize;
use utoipa::ToSchema;

use super::DocumentView;
use crate::App;
use crate::http::extract::DocumentPath;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Every version of a document.
#[derive(Debug, Serialize, ToSchema)]
pub struct Versions {
    /// The document as each of its versions shows it, newest first; at most 100.
    versions: Vec<DocumentView>,
}

/// Lists every version of a document, newest first. Strongly consistent.
#[utoipa::path(get, path = "/v1/documents/{id}/versions", tag = "documents",
    security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the document.")),
    responses((status = 200, body = Versions), (status = 404, body = Problem),
        (status = 410, body = Problem)))]
pub async fn versions(
    State(app): State<App>,
    principal: Principal,
    DocumentPath(id): DocumentPath,
) -> Result<Json<Versions>> {
    let message = ListVersionsRequest { document_id: id.to_string() };
    let request = Services::forward(&principal, None, message)?;
    let answer = app.services.document.clone().list_versions(request).await?.into_inner();
    let versions = answer.versions.into_iter().map(|version| DocumentView::to(&principal, version)).collect();
    Ok(Json(Versions { versions }))
}
