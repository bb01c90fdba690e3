//! `GET /v1/documents/{id}/parts`

use axum::Json;
use axum::extract::State;
use proto::document::v1::ListPartsRequest;
use serde::Serialize;
use utoipa::ToSchema;

use super::PartsView;
use crate::App;
use crate::http::extract::DocumentPath;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// How far an upload in parts has come.
#[derive(Debug, Serialize, ToSchema)]
pub struct Arrived {
    /// What there has to be.
    parts: Option<PartsView>,
    /// What has arrived, by number. What is not listed, or has another digest than the file's part, is to be sent.
    arrived: Vec<ArrivedPart>,
    /// Whether everything has arrived: confirm the upload.
    complete: bool,
}

/// A part that has arrived.
#[derive(Debug, Serialize, ToSchema)]
pub struct ArrivedPart {
    /// Its place, from 1.
    number: i32,
    /// Bytes.
    size_bytes: i64,
    /// SHA-256 in lower-case hexadecimal.
    sha256: String,
}

/// Lists the parts of a pending upload that have arrived: what need not be sent again after a lost connection or a closed
/// window.
#[utoipa::path(get, path = "/v1/documents/{id}/parts", tag = "documents",
    security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the document.")),
    responses((status = 200, body = Arrived), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 410, body = Problem)))]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    DocumentPath(id): DocumentPath,
) -> Result<Json<Arrived>> {
    let request = Services::forward(&principal, None, ListPartsRequest { document_id: id.to_string() })?;
    let answer = app.services.document.clone().list_parts(request).await?.into_inner();
    let arrived = answer.arrived.into_iter().map(|part| ArrivedPart {
        number: part.number,
        size_bytes: part.size_bytes,
        sha256: hex::encode(part.sha256),
    });
    Ok(Json(Arrived {
        arrived: arrived.collect(),
        parts: answer.parts.map(PartsView::from),
        complete: answer.complete,
    }))
}
