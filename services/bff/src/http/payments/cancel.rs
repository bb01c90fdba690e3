//! `POST /v1/payments/{id}/cancel`

use axum::Json;
use axum::extract::{Path, State};
use http::{HeaderMap, StatusCode};
use proto::payment::v1::CancelPaymentRequest;

use super::PaymentView;
use crate::App;
use crate::http::documents::{IDEMPOTENCY_KEY, incomplete, replay_headers};
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Asks for a payment to be cancelled. It is when the provider agrees: one that is charged meanwhile is `completed` all the same.
#[utoipa::path(post, path = "/v1/payments/{id}/cancel", tag = "payments", security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the payment."),
        ("idempotency-key" = String, Header, description = "1 to 255 visible ASCII characters; kept for 30 days.")),
    responses((status = 202, body = PaymentView), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub async fn cancel(
    State(app): State<App>,
    principal: Principal,
    Path(payment_id): Path<String>,
    headers: HeaderMap,
) -> Result<(StatusCode, HeaderMap, Json<PaymentView>)> {
    let message = CancelPaymentRequest { payment_id };
    let request = Services::forward(&principal, headers.get(IDEMPOTENCY_KEY), message)?;
    let answer = app.services.payment.clone().cancel_payment(request).await?;
    let replayed = replay_headers(answer.metadata());
    let payment = answer.into_inner().payment.ok_or_else(incomplete)?;
    Ok((StatusCode::ACCEPTED, replayed, Json(payment.into())))
}
