//! `POST /v1/documents/{id}/upload-url`

use axum::Json;
use axum::extract::State;
use http::HeaderMap;
use proto::document::v1::RefreshUploadRequest;

use super::{DocumentView, IDEMPOTENCY_KEY, incomplete, replay_headers};
use crate::App;
use crate::http::extract::DocumentPath;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Signs a pending upload again; the bytes it allows stay the same.
#[utoipa::path(post, path = "/v1/documents/{id}/upload-url", tag = "documents",
    security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the document."),
        ("idempotency-key" = String, Header, description = "1 to 255 visible ASCII characters.")),
    responses((status = 200, body = DocumentView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 410, body = Problem)))]
pub async fn refresh(
    State(app): State<App>,
    principal: Principal,
    DocumentPath(id): DocumentPath,
    headers: HeaderMap,
) -> Result<(HeaderMap, Json<DocumentView>)> {
    let message = RefreshUploadRequest { document_id: id.to_string() };
    let request = Services::forward(&principal, headers.get(IDEMPOTENCY_KEY), message)?;
    let answer = app.services.document.clone().refresh_upload(request).await?;
    let replayed = replay_headers(answer.metadata());
    let answer = answer.into_inner();
    let document = answer.document.ok_or_else(incomplete)?;
    Ok((replayed, Json(DocumentView::with_upload(document, answer.upload))))
}
