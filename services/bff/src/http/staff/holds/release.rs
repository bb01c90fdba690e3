//! `POST /v1/staff/holds/{id}/release`

use axum::Json;
use axum::extract::{Path, State};
use http::HeaderMap;
use proto::document::v1::ReleaseHoldRequest;
use serde::Deserialize;
use utoipa::ToSchema;

use super::HoldView;
use crate::App;
use crate::http::documents::{IDEMPOTENCY_KEY, incomplete, replay_headers};
use crate::http::extract;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Why the hold is over.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Why: 1 to 1,000 bytes, no control characters.
    reason: String,
}

/// Ends a hold, or asks a second person to, where the document's class of retention needs one. For staff.
#[utoipa::path(post, path = "/v1/staff/holds/{id}/release", tag = "staff", request_body = Release,
    security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the hold."),
        ("idempotency-key" = String, Header, description = "1 to 255 visible ASCII characters.")),
    responses((status = 200, body = HoldView), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn release(
    State(app): State<App>,
    principal: Principal,
    Path(hold_id): Path<String>,
    headers: HeaderMap,
    extract::Json(body): extract::Json<Release>,
) -> Result<(HeaderMap, Json<HoldView>)> {
    let message = ReleaseHoldRequest { hold_id, reason: body.reason };
    let request = Services::forward(&principal, headers.get(IDEMPOTENCY_KEY), message)?;
    let answer = app.services.cases.clone().release_hold(request).await?;
    let replayed = replay_headers(answer.metadata());
    let hold = answer.into_inner().hold.ok_or_else(incomplete)?;
    Ok((replayed, Json(hold.into())))
}
