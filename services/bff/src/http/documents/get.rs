//! `GET /v1/documents/{id}`

use axum::Json;
use axum::extract::State;
use proto::document::v1::GetDocumentRequest;

use super::{DocumentView, WhichVersion, incomplete};
use crate::App;
use crate::http::extract::{DocumentPath, Query};
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Reads one document, of one's own or shared. Strongly consistent.
#[utoipa::path(get, path = "/v1/documents/{id}", tag = "documents", security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the document."), WhichVersion),
    responses((status = 200, body = DocumentView), (status = 404, body = Problem),
        (status = 410, body = Problem)))]
pub async fn get(
    State(app): State<App>,
    principal: Principal,
    DocumentPath(id): DocumentPath,
    Query(which): Query<WhichVersion>,
) -> Result<Json<DocumentView>> {
    let message =
        GetDocumentRequest { document_id: id.to_string(), version: which.version.unwrap_or_default() };
    let request = Services::forward(&principal, None, message)?;
    let answer = app.services.document.clone().get_document(request).await?.into_inner();
    Ok(Json(DocumentView::to(&principal, answer.document.ok_or_else(incomplete)?)))
}
