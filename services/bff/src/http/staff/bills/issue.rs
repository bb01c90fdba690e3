//! `POST /v1/staff/bills/{id}/issue`

use axum::Json;
use axum::extract::{Path, State};
use http::HeaderMap;
use proto::payment::v1::IssueBillRequest;

use crate::App;
use crate::http::bills::BillView;
use crate::http::documents::{IDEMPOTENCY_KEY, incomplete, replay_headers};
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Issues a draft: from now on it is owed, and the payer is told. For staff.
#[utoipa::path(post, path = "/v1/staff/bills/{id}/issue", tag = "staff",
    security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the bill."),
        ("idempotency-key" = String, Header, description = "1 to 255 visible ASCII characters.")),
    responses((status = 200, body = BillView), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn issue(
    State(app): State<App>,
    principal: Principal,
    Path(bill_id): Path<String>,
    headers: HeaderMap,
) -> Result<(HeaderMap, Json<BillView>)> {
    let message = IssueBillRequest { bill_id };
    let request = Services::forward(&principal, headers.get(IDEMPOTENCY_KEY), message)?;
    let answer = app.services.billing.clone().issue_bill(request).await?;
    let replayed = replay_headers(answer.metadata());
    let bill = answer.into_inner().bill.ok_or_else(incomplete)?;
    Ok((replayed, Json(BillView::to(&principal, bill))))
}
