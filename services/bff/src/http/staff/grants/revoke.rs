//! `POST /v1/staff/grants/{id}/revoke`

use axum::Json;
use axum::extract::{Path, State};
use http::HeaderMap;
use proto::document::v1::RevokeGrantRequest;
use serde::Deserialize;
use utoipa::ToSchema;

use super::GrantView;
use crate::App;
use crate::http::documents::{IDEMPOTENCY_KEY, incomplete, replay_headers};
use crate::http::extract;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Why the grant is over.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// Why: 1 to 1,000 bytes, no control characters.
    reason: String,
}

/// Ends a grant at once: nothing is signed by it any more. Again changes nothing. For staff.
#[utoipa::path(post, path = "/v1/staff/grants/{id}/revoke", tag = "staff", request_body = Revoke,
    security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the grant."),
        ("idempotency-key" = String, Header, description = "1 to 255 visible ASCII characters.")),
    responses((status = 200, body = GrantView), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn revoke(
    State(app): State<App>,
    principal: Principal,
    Path(grant_id): Path<String>,
    headers: HeaderMap,
    extract::Json(body): extract::Json<Revoke>,
) -> Result<(HeaderMap, Json<GrantView>)> {
    let message = RevokeGrantRequest { grant_id, reason: body.reason };
    let request = Services::forward(&principal, headers.get(IDEMPOTENCY_KEY), message)?;
    let answer = app.services.sharing.clone().revoke_grant(request).await?;
    let replayed = replay_headers(answer.metadata());
    let grant = answer.into_inner().grant.ok_or_else(incomplete)?;
    Ok((replayed, Json(grant.into())))
}
