//! `POST /v1/staff/dead-letters/{service}/{id}/discard`

use axum::extract::{Path, State};
use http::{HeaderMap, StatusCode};
use proto::operations::v1::DiscardDeadLetterRequest;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Owner;
use crate::App;
use crate::http::documents::{IDEMPOTENCY_KEY, replay_headers};
use crate::http::extract;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Why it is removed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Why {
    /// A code or the id of a ticket, 1 to 64 of `A-Z`, `a-z`, `0-9`, `.`, `_` and `-`.
    reason: String,
}

/// Removes one of the tenant's dead letters that can never be applied or published; the event is lost for its receivers. For staff.
#[utoipa::path(post, path = "/v1/staff/dead-letters/{service}/{id}/discard", tag = "staff",
    security(("session" = []), ("bearer" = [])), request_body = Why,
    params(("service" = Owner, Path, description = "The service that set it aside."),
        ("id" = String, Path, description = "Opaque id of the dead letter."),
        ("idempotency-key" = String, Header, description = "1 to 255 visible ASCII characters.")),
    responses((status = 204, description = "It is gone."), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn discard(
    State(app): State<App>,
    principal: Principal,
    Path((service, id)): Path<(String, String)>,
    headers: HeaderMap,
    extract::Json(why): extract::Json<Why>,
) -> Result<(StatusCode, HeaderMap)> {
    let service = Owner::parse(&service)?;
    let message = DiscardDeadLetterRequest { id, reason: why.reason, without_tenant: false };
    let request = Services::forward(&principal, headers.get(IDEMPOTENCY_KEY), message)?;
    let answer = service.client(&app.services).discard_dead_letter(request).await?;
    Ok((StatusCode::NO_CONTENT, replay_headers(answer.metadata())))
}
