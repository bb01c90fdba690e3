//! `GET /v1/payments/{id}/receipt`

use axum::Json;
use axum::extract::{Path, State};
use proto::payment::v1::GetPaymentRequest;

use crate::App;
use crate::http::bills::pdf::WhatFor;
use crate::http::documents::download::Download;
use crate::http::documents::incomplete;
use crate::http::extract::Query;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Signs a download of a payment's receipt, and writes the access log: for its payer, and for staff, who say what for. 423 until it was
/// made, moments after the payment was completed; there is none of one that was not.
#[utoipa::path(get, path = "/v1/payments/{id}/receipt", tag = "payments", security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the payment."), WhatFor),
    responses((status = 200, body = Download), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 410, body = Problem), (status = 422, body = Problem), (status = 423, body = Problem)))]
pub async fn receipt(
    State(app): State<App>,
    principal: Principal,
    Path(payment_id): Path<String>,
    Query(what_for): Query<WhatFor>,
) -> Result<Json<Download>> {
    let request = Services::forward(&principal, None, GetPaymentRequest { payment_id })?;
    let answer = app.services.payment.clone().get_payment(request).await?.into_inner();
    let payment = answer.payment.ok_or_else(incomplete)?;
    what_for.sign(&app, &principal, payment.receipt_document_id).await
}
