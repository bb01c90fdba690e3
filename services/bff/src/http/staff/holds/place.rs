//! `POST /v1/staff/holds`

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use proto::document::v1::PlaceHoldRequest;
use serde::Deserialize;
use utoipa::ToSchema;

use super::HoldView;
use crate::App;
use crate::http::documents::{IDEMPOTENCY_KEY, incomplete, replay_headers};
use crate::http::extract;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// What to hold, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Reference of the case, 1 to 64 of `A-Z`, `a-z`, `0-9`, `.`, `_` and `-`.
    case: String,
    /// UUIDv7 of the document.
    document_id: String,
    /// Which version; without it, all, those to come too.
    version: Option<i32>,
    /// Why: 1 to 1,000 bytes, no control characters.
    reason: String,
}

/// Holds a document for a case: nothing of it is erased while a hold stands. Its owner is not told. For staff.
#[utoipa::path(post, path = "/v1/staff/holds", tag = "staff", request_body = Place,
    security(("session" = []), ("bearer" = [])),
    params(("idempotency-key" = String, Header, description = "1 to 255 visible ASCII characters.")),
    responses((status = 201, body = HoldView), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 410, body = Problem), (status = 422, body = Problem)))]
pub async fn place(
    State(app): State<App>,
    principal: Principal,
    headers: HeaderMap,
    extract::Json(body): extract::Json<Place>,
) -> Result<(StatusCode, HeaderMap, Json<HoldView>)> {
    let message = PlaceHoldRequest {
        case_ref: body.case,
        document_id: body.document_id,
        version: body.version.unwrap_or_default(),
        reason: body.reason,
    };
    let request = Services::forward(&principal, headers.get(IDEMPOTENCY_KEY), message)?;
    let answer = app.services.cases.clone().place_hold(request).await?;
    let replayed = replay_headers(answer.metadata());
    let hold = answer.into_inner().hold.ok_or_else(incomplete)?;
    Ok((StatusCode::CREATED, replayed, Json(hold.into())))
}
