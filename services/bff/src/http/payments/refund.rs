//! `POST /v1/payments/{id}/refunds`

use axum::Json;
use axum::extract::{Path, State};
use http::{HeaderMap, StatusCode};
use proto::payment::v1::CreateRefundRequest;
use serde::Deserialize;
use utoipa::ToSchema;

use super::RefundView;
use crate::App;
use crate::http::documents::{IDEMPOTENCY_KEY, incomplete, replay_headers};
use crate::http::extract;
use crate::http::money::MoneyView;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// What to give back, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRefund {
    /// How much.
    amount: MoneyView,
    /// `refund_available` of the payment as the caller has seen it; 412 when it is another by now.
    amount_available: MoneyView,
    /// Why: 1 to 1,000 bytes, no control characters.
    reason: String,
}

/// Gives money back. Answers at once: the refund is `submitted`. For finance staff.
#[utoipa::path(post, path = "/v1/payments/{id}/refunds", tag = "payments", request_body = NewRefund,
    security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the payment."),
        ("idempotency-key" = String, Header, description = "1 to 255 visible ASCII characters; kept for 30 days.")),
    responses((status = 202, body = RefundView), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem),
        (status = 422, body = Problem)))]
pub async fn refund(
    State(app): State<App>,
    principal: Principal,
    Path(payment_id): Path<String>,
    headers: HeaderMap,
    extract::Json(body): extract::Json<NewRefund>,
) -> Result<(StatusCode, HeaderMap, Json<RefundView>)> {
    let message = CreateRefundRequest {
        payment_id,
        amount: Some(body.amount.into()),
        amount_available: Some(body.amount_available.into()),
        reason: body.reason,
    };
    let request = Services::forward(&principal, headers.get(IDEMPOTENCY_KEY), message)?;
    let answer = app.services.payment.clone().create_refund(request).await?;
    let replayed = replay_headers(answer.metadata());
    let refund = answer.into_inner().refund.ok_or_else(incomplete)?;
    Ok((StatusCode::ACCEPTED, replayed, Json(refund.into())))
}
