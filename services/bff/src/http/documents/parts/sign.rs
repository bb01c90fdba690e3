//! `POST /v1/documents/{id}/parts`

use axum::Json;
use axum::extract::State;
use proto::document::v1::{PartDigest, SignPartsRequest};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::App;
use crate::http::documents::{UploadView, digest};
use crate::http::extract::{self, DocumentPath};
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Which parts are about to be sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Sign {
    /// 1 to 100 parts, each once.
    parts: Vec<Part>,
}

/// A part, and which bytes it has.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its place, from 1.
    number: i32,
    /// SHA-256 of its bytes, 64 hexadecimal digits.
    sha256: String,
}

/// Signed parts, in the order in which they were asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignedParts {
    /// One per part.
    parts: Vec<SignedPart>,
}

/// A signed part. Send its bytes with exactly these headers.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignedPart {
    /// Its place, from 1.
    number: i32,
    /// Where and how to send its bytes.
    upload: Option<UploadView>,
}

/// Signs parts of a pending upload, each for exactly its bytes. Asking again signs afresh; nothing is stored.
#[utoipa::path(post, path = "/v1/documents/{id}/parts", tag = "documents", request_body = Sign,
    security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the document.")),
    responses((status = 200, body = SignedParts), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 410, body = Problem), (status = 422, body = Problem)))]
pub async fn sign(
    State(app): State<App>,
    principal: Principal,
    DocumentPath(id): DocumentPath,
    extract::Json(body): extract::Json<Sign>,
) -> Result<Json<SignedParts>> {
    let mut parts = Vec::with_capacity(body.parts.len());
    for part in body.parts {
        parts.push(PartDigest { number: part.number, sha256: digest(&part.sha256)? });
    }
    let message = SignPartsRequest { document_id: id.to_string(), parts };
    let request = Services::forward(&principal, None, message)?;
    let signed = app.services.document.clone().sign_parts(request).await?.into_inner().parts;
    let parts = signed.into_iter();
    let parts =
        parts.map(|part| SignedPart { number: part.number, upload: part.upload.map(UploadView::from) });
    Ok(Json(SignedParts { parts: parts.collect() }))
}
