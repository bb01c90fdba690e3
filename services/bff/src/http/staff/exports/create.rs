//! `POST /v1/staff/cases/{case}/exports`

use axum::Json;
use axum::extract::{Path, State};
use http::{HeaderMap, StatusCode};
use proto::document::v1::ExportCaseRequest;
use serde::Deserialize;
use utoipa::ToSchema;

use super::ExportView;
use crate::App;
use crate::http::documents::{IDEMPOTENCY_KEY, replay_headers};
use crate::http::extract;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Why a case is exported.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// Why: 1 to 1,000 bytes, no control characters.
    reason: String,
}

/// Has a case exported as a signed archive: documents, versions, digests, verdicts, the files that can be read, holds, accesses,
/// and proofs. It is made after the answer. For staff.
#[utoipa::path(post, path = "/v1/staff/cases/{case}/exports", tag = "staff", request_body = Export,
    security(("session" = []), ("bearer" = [])),
    params(("case" = String, Path, description = "Reference of the case, 1 to 64 of `A-Z`, `a-z`, `0-9`, `.`, `_` and `-`."),
        ("idempotency-key" = String, Header, description = "1 to 255 visible ASCII characters.")),
    responses((status = 202, body = ExportView), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 413, body = Problem), (status = 422, body = Problem)))]
pub async fn create(
    State(app): State<App>,
    principal: Principal,
    Path(case_ref): Path<String>,
    headers: HeaderMap,
    extract::Json(body): extract::Json<Export>,
) -> Result<(StatusCode, HeaderMap, Json<ExportView>)> {
    let message = ExportCaseRequest { case_ref, reason: body.reason };
    let request = Services::forward(&principal, headers.get(IDEMPOTENCY_KEY), message)?;
    let answer = app.services.cases.clone().export_case(request).await?;
    let replayed = replay_headers(answer.metadata());
    let view = ExportView::new(answer.into_inner().export)?;
    Ok((StatusCode::ACCEPTED, replayed, Json(view)))
}
