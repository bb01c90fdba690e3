//! `POST /v1/staff/periods/{month}/close`

use axum::Json;
use axum::extract::{Path, State};
use http::HeaderMap;
use proto::payment::v1::ClosePeriodRequest;

use super::PeriodView;
use crate::App;
use crate::http::documents::{IDEMPOTENCY_KEY, incomplete, replay_headers};
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Closes a month of the books that is over, and everything before it: the first call proposes it, that of a second person closes it.
/// For finance staff.
#[utoipa::path(post, path = "/v1/staff/periods/{month}/close", tag = "staff",
    security(("session" = []), ("bearer" = [])),
    params(("month" = String, Path, description = "The month, `YYYY-MM` (UTC)."),
        ("idempotency-key" = String, Header, description = "1 to 255 visible ASCII characters.")),
    responses((status = 200, body = PeriodView), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn close(
    State(app): State<App>,
    principal: Principal,
    Path(month): Path<String>,
    headers: HeaderMap,
) -> Result<(HeaderMap, Json<PeriodView>)> {
    let request = Services::forward(&principal, headers.get(IDEMPOTENCY_KEY), ClosePeriodRequest { month })?;
    let answer = app.services.ledger.clone().close_period(request).await?;
    let replayed = replay_headers(answer.metadata());
    let period = answer.into_inner().period.ok_or_else(incomplete)?;
    Ok((replayed, Json(period.into())))
}
