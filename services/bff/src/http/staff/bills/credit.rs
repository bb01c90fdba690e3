//! `POST /v1/staff/bills/{id}/credit`

use axum::Json;
use axum::extract::{Path, State};
use http::HeaderMap;
use proto::payment::v1::CreditBillRequest;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::App;
use crate::http::bills::BillView;
use crate::http::documents::{IDEMPOTENCY_KEY, incomplete, replay_headers};
use crate::http::extract;
use crate::http::money::MoneyView;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// How much, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credit {
    /// How much, at most what is outstanding.
    amount: MoneyView,
    /// Why: 1 to 1,000 bytes, no control characters.
    reason: String,
}

/// Takes back a part of what is owed. A bill of which nothing is left to pay is `paid`. For staff.
#[utoipa::path(post, path = "/v1/staff/bills/{id}/credit", tag = "staff", request_body = Credit,
    security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the bill."),
        ("idempotency-key" = String, Header, description = "1 to 255 visible ASCII characters.")),
    responses((status = 200, body = BillView), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn credit(
    State(app): State<App>,
    principal: Principal,
    Path(bill_id): Path<String>,
    headers: HeaderMap,
    extract::Json(body): extract::Json<Credit>,
) -> Result<(HeaderMap, Json<BillView>)> {
    let message = CreditBillRequest { bill_id, amount: Some(body.amount.into()), reason: body.reason };
    let request = Services::forward(&principal, headers.get(IDEMPOTENCY_KEY), message)?;
    let answer = app.services.billing.clone().credit_bill(request).await?;
    let replayed = replay_headers(answer.metadata());
    let bill = answer.into_inner().bill.ok_or_else(incomplete)?;
    Ok((replayed, Json(BillView::to(&principal, bill))))
}
