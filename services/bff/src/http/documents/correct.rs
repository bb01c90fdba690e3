//! `POST /v1/documents/{id}/versions`

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use proto::document::v1::InitiateVersionRequest;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{DocumentView, IDEMPOTENCY_KEY, digest, incomplete, replay_headers};
use crate::App;
use crate::http::extract::{self, DocumentPath};
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// What corrects a document. Its purpose stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Correct {
    /// Name of the file, 1 to 255 bytes, no path, no control characters.
    file_name: String,
    /// Media type of the bytes.
    content_type: String,
    /// Bytes, 1 to the limit of the document's purpose.
    size_bytes: i64,
    /// SHA-256 of the bytes, 64 hexadecimal digits.
    sha256: String,
}

/// Declares a corrected file as the document's next version and signs its upload. Versions before stay as they are.
#[utoipa::path(post, path = "/v1/documents/{id}/versions", tag = "documents", request_body = Correct,
    security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the document."),
        ("idempotency-key" = String, Header, description = "1 to 255 visible ASCII characters; a repeat gives the same version.")),
    responses((status = 201, body = DocumentView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 413, body = Problem), (status = 422, body = Problem)))]
pub async fn correct(
    State(app): State<App>,
    principal: Principal,
    DocumentPath(id): DocumentPath,
    headers: HeaderMap,
    extract::Json(body): extract::Json<Correct>,
) -> Result<(StatusCode, HeaderMap, Json<DocumentView>)> {
    let message = InitiateVersionRequest {
        document_id: id.to_string(),
        sha256: digest(&body.sha256)?,
        file_name: body.file_name,
        content_type: body.content_type,
        size_bytes: body.size_bytes,
    };
    let request = Services::forward(&principal, headers.get(IDEMPOTENCY_KEY), message)?;
    let answer = app.services.document.clone().initiate_version(request).await?;
    let replayed = replay_headers(answer.metadata());
    let answer = answer.into_inner();
    let document = answer.document.ok_or_else(incomplete)?;
    Ok((StatusCode::CREATED, replayed, Json(DocumentView::with_upload(document, answer.upload))))
}
