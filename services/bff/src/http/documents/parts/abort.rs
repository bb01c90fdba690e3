//! `DELETE /v1/documents/{id}/upload`

use axum::Json;
use axum::extract::State;
use http::HeaderMap;
use proto::document::v1::AbortUploadRequest;

use crate::App;
use crate::http::documents::{DocumentView, IDEMPOTENCY_KEY, incomplete, replay_headers};
use crate::http::extract::DocumentPath;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Gives up a pending upload, in parts or not: what was sent is deleted, and the version is `expired`.
#[utoipa::path(delete, path = "/v1/documents/{id}/upload", tag = "documents",
    security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the document."),
        ("idempotency-key" = String, Header, description = "1 to 255 visible ASCII characters.")),
    responses((status = 200, body = DocumentView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 410, body = Problem)))]
pub async fn abort(
    State(app): State<App>,
    principal: Principal,
    DocumentPath(id): DocumentPath,
    headers: HeaderMap,
) -> Result<(HeaderMap, Json<DocumentView>)> {
    let message = AbortUploadRequest { document_id: id.to_string() };
    let request = Services::forward(&principal, headers.get(IDEMPOTENCY_KEY), message)?;
    let answer = app.services.document.clone().abort_upload(request).await?;
    let replayed = replay_headers(answer.metadata());
    let document = answer.into_inner().document.ok_or_else(incomplete)?;
    Ok((replayed, Json(DocumentView::from(document))))
}
