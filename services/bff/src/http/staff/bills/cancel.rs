//! `POST /v1/staff/bills/{id}/cancel`

use axum::Json;
use axum::extract::{Path, State};
use http::HeaderMap;
use proto::payment::v1::CancelBillRequest;

use super::Why;
use crate::App;
use crate::http::bills::BillView;
use crate::http::documents::{IDEMPOTENCY_KEY, incomplete, replay_headers};
use crate::http::extract;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Takes back a bill of which nothing was paid, and for which no payment is under way. For staff.
#[utoipa::path(post, path = "/v1/staff/bills/{id}/cancel", tag = "staff", request_body = Why,
    security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the bill."),
        ("idempotency-key" = String, Header, description = "1 to 255 visible ASCII characters.")),
    responses((status = 200, body = BillView), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn cancel(
    State(app): State<App>,
    principal: Principal,
    Path(bill_id): Path<String>,
    headers: HeaderMap,
    extract::Json(body): extract::Json<Why>,
) -> Result<(HeaderMap, Json<BillView>)> {
    let message = CancelBillRequest { bill_id, reason: body.reason };
    let request = Services::forward(&principal, headers.get(IDEMPOTENCY_KEY), message)?;
    let answer = app.services.billing.clone().cancel_bill(request).await?;
    let replayed = replay_headers(answer.metadata());
    let bill = answer.into_inner().bill.ok_or_else(incomplete)?;
    Ok((replayed, Json(BillView::to(&principal, bill))))
}
