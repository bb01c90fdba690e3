//! `GET /v1/payments/{id}`

use axum::Json;
use axum::extract::{Path, State};
use proto::payment::v1::GetPaymentRequest;

use super::PaymentView;
use crate::App;
use crate::http::documents::incomplete;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Reads a payment: one's own; for staff, the tenant's. Strongly consistent.
#[utoipa::path(get, path = "/v1/payments/{id}", tag = "payments", security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the payment.")),
    responses((status = 200, body = PaymentView), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn get(
    State(app): State<App>,
    principal: Principal,
    Path(payment_id): Path<String>,
) -> Result<Json<PaymentView>> {
    let request = Services::forward(&principal, None, GetPaymentRequest { payment_id })?;
    let answer = app.services.payment.clone().get_payment(request).await?.into_inner();
    Ok(Json(answer.payment.ok_or_else(incomplete)?.into()))
}
