//! `POST /v1/documents`

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use proto::document::v1::InitiateUploadRequest;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{DocumentView, IDEMPOTENCY_KEY, digest, incomplete, replay_headers};
use crate::App;
use crate::http::extract;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// What is about to be uploaded.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Initiate {
    /// A purpose of the upload policy; `identity`, `address`, `income`, `statement` and `recording` where none was published.
    purpose: String,
    /// Name of the file, 1 to 255 bytes, no path, no control characters.
    file_name: String,
    /// Media type of the bytes.
    content_type: String,
    /// Bytes, 1 to the purpose's limit.
    size_bytes: i64,
    /// SHA-256 of the bytes, 64 hexadecimal digits.
    sha256: String,
}

/// Declares a document and signs its upload. Send the bytes to `upload.url`, or in parts where the answer has `parts`, then
/// confirm.
#[utoipa::path(post, path = "/v1/documents", tag = "documents", request_body = Initiate,
    security(("session" = []), ("bearer" = [])),
    params(("idempotency-key" = String, Header, description = "1 to 255 visible ASCII characters; a repeat gives the same document.")),
    responses((status = 201, body = DocumentView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 409, body = Problem), (status = 413, body = Problem), (status = 422, body = Problem)))]
pub async fn initiate(
    State(app): State<App>,
    principal: Principal,
    headers: HeaderMap,
    extract::Json(body): extract::Json<Initiate>,
) -> Result<(StatusCode, HeaderMap, Json<DocumentView>)> {
    let sha256 = digest(&body.sha256)?;
    let message = InitiateUploadRequest {
        purpose: body.purpose,
        file_name: body.file_name,
        content_type: body.content_type,
        size_bytes: body.size_bytes,
        sha256,
    };
    let request = Services::forward(&principal, headers.get(IDEMPOTENCY_KEY), message)?;
    let answer = app.services.document.clone().initiate_upload(request).await?;
    let replayed = replay_headers(answer.metadata());
    let answer = answer.into_inner();
    let document = answer.document.ok_or_else(incomplete)?;
    Ok((StatusCode::CREATED, replayed, Json(DocumentView::with_upload(document, answer.upload))))
}
