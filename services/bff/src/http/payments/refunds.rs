//! `GET /v1/payments/{id}/refunds`

use axum::Json;
use axum::extract::{Path, State};
use proto::payment::v1::ListRefundsRequest;
use serde::Serialize;
use utoipa::ToSchema;

use super::RefundView;
use crate::App;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Refunds of a payment, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefundList {
    /// The refunds, at most 100.
    refunds: Vec<RefundView>,
}

/// Lists the refunds of a payment. Strongly consistent.
#[utoipa::path(get, path = "/v1/payments/{id}/refunds", tag = "payments", security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the payment.")),
    responses((status = 200, body = RefundList), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn refunds(
    State(app): State<App>,
    principal: Principal,
    Path(payment_id): Path<String>,
) -> Result<Json<RefundList>> {
    let request = Services::forward(&principal, None, ListRefundsRequest { payment_id })?;
    let answer = app.services.payment.clone().list_refunds(request).await?.into_inner();
    Ok(Json(RefundList { refunds: answer.refunds.into_iter().map(RefundView::from).collect() }))
}
