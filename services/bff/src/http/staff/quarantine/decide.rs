//! `POST /v1/staff/quarantine/{id}/decision`

use axum::Json;
use axum::extract::State;
use http::HeaderMap;
use proto::document::v1::{DecideQuarantinedRequest, QuarantineOutcome};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{DecisionView, Outcome};
use crate::App;
use crate::http::documents::{DocumentView, IDEMPOTENCY_KEY, incomplete, replay_headers};
use crate::http::extract::{self, DocumentPath};
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// What is decided.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decide {
    /// `released` or `rejected`.
    outcome: Outcome,
    /// Which version, from 1; without it, the newest.
    version: Option<i32>,
    /// Why: 1 to 1,000 bytes, no control characters.
    reason: String,
}

/// The decision, and what came of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Decided {
    /// The document as that version shows it, `ready` or `rejected`.
    document: DocumentView,
    /// The decision as it is kept.
    decision: DecisionView,
}

/// Decides about a quarantined version, for good: it can be read from then on, or is refused. The first decision counts,
/// and nobody decides about what they handed in. For staff.
#[utoipa::path(post, path = "/v1/staff/quarantine/{id}/decision", tag = "staff", request_body = Decide,
    security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the document."),
        ("idempotency-key" = String, Header, description = "1 to 255 visible ASCII characters.")),
    responses((status = 200, body = Decided), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 410, body = Problem),
        (status = 422, body = Problem)))]
pub async fn decide(
    State(app): State<App>,
    principal: Principal,
    DocumentPath(id): DocumentPath,
    headers: HeaderMap,
    extract::Json(body): extract::Json<Decide>,
) -> Result<(HeaderMap, Json<Decided>)> {
    let outcome = match body.outcome {
        Outcome::Released => QuarantineOutcome::Released,
        Outcome::Rejected => QuarantineOutcome::Rejected,
    };
    let message = DecideQuarantinedRequest {
        document_id: id.to_string(),
        version: body.version.unwrap_or_default(),
        outcome: outcome.into(),
        reason: body.reason,
    };
    let request = Services::forward(&principal, headers.get(IDEMPOTENCY_KEY), message)?;
    let answer = app.services.quarantine.clone().decide_quarantined(request).await?;
    let replayed = replay_headers(answer.metadata());
    let answer = answer.into_inner();
    let (document, decision) = answer.document.zip(answer.decision).ok_or_else(incomplete)?;
    Ok((replayed, Json(Decided { document: document.into(), decision: decision.into() })))
}
