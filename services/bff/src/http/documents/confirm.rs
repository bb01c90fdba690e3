//! `POST /v1/documents/{id}/confirm`

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use proto::document::v1::ConfirmUploadRequest;

use super::{DocumentView, IDEMPOTENCY_KEY, incomplete, replay_headers};
use crate::App;
use crate::http::extract::DocumentPath;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Says that the bytes were sent; the verdict follows on the live stream.
#[utoipa::path(post, path = "/v1/documents/{id}/confirm", tag = "documents",
    security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the document."),
        ("idempotency-key" = String, Header, description = "1 to 255 visible ASCII characters.")),
    responses((status = 202, body = DocumentView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 410, body = Problem)))]
pub async fn confirm(
    State(app): State<App>,
    principal: Principal,
    DocumentPath(id): DocumentPath,
    headers: HeaderMap,
) -> Result<(StatusCode, HeaderMap, Json<DocumentView>)> {
    let message = ConfirmUploadRequest { document_id: id.to_string() };
    let request = Services::forward(&principal, headers.get(IDEMPOTENCY_KEY), message)?;
    let answer = app.services.document.clone().confirm_upload(request).await?;
    let replayed = replay_headers(answer.metadata());
    let document = answer.into_inner().document.ok_or_else(incomplete)?;
    Ok((StatusCode::ACCEPTED, replayed, Json(DocumentView::from(document))))
}
