//! `DELETE /v1/documents/{id}`

use axum::Json;
use axum::extract::State;
use http::HeaderMap;
use proto::document::v1::EraseDocumentRequest;

use super::{DocumentView, IDEMPOTENCY_KEY, incomplete, replay_headers};
use crate::App;
use crate::http::extract::DocumentPath;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Erases a document for good, all versions: bytes and names go, ids, digests and verdicts stay. 409 while it has to be
/// kept.
#[utoipa::path(delete, path = "/v1/documents/{id}", tag = "documents",
    security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the document."),
        ("idempotency-key" = String, Header, description = "1 to 255 visible ASCII characters.")),
    responses((status = 200, body = DocumentView), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 410, body = Problem)))]
pub async fn erase(
    State(app): State<App>,
    principal: Principal,
    DocumentPath(id): DocumentPath,
    headers: HeaderMap,
) -> Result<(HeaderMap, Json<DocumentView>)> {
    let message = EraseDocumentRequest { document_id: id.to_string() };
    let request = Services::forward(&principal, headers.get(IDEMPOTENCY_KEY), message)?;
    let answer = app.services.document.clone().erase_document(request).await?;
    let replayed = replay_headers(answer.metadata());
    let document = answer.into_inner().document.ok_or_else(incomplete)?;
    Ok((replayed, Json(DocumentView::from(document))))
}
