//! `GET /v1/payments/{id}/events`

use axum::Json;
use axum::extract::{Path, State};
use proto::payment::v1::{ListPaymentEventsRequest, PaymentEntry};
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;
use crate::http::notifications::rfc3339;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Something that happened to a payment.
#[derive(Debug, Serialize, ToSchema)]
pub struct PaymentEventView {
    /// When; RFC 3339, UTC.
    at: Option<String>,
    /// What, for example `submitted`. More may come.
    name: String,
    /// UUIDv7 of the refund it is about; else `null`.
    refund_id: Option<String>,
    /// UUIDv7 of the dispute it is about; else `null`.
    dispute_id: Option<String>,
}

/// What happened to a payment, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct PaymentEventList {
    /// At most 500.
    events: Vec<PaymentEventView>,
}

impl From<PaymentEntry> for PaymentEventView {
    fn from(entry: PaymentEntry) -> Self {
        Self {
            at: entry.at.and_then(rfc3339),
            name: entry.name,
            refund_id: Some(entry.refund_id).filter(|id| !id.is_empty()),
            dispute_id: Some(entry.dispute_id).filter(|id| !id.is_empty()),
        }
    }
}

/// Lists what happened to a payment, its refunds and disputes. Strongly consistent.
#[utoipa::path(get, path = "/v1/payments/{id}/events", tag = "payments", security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the payment.")),
    responses((status = 200, body = PaymentEventList), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn events(
    State(app): State<App>,
    principal: Principal,
    Path(payment_id): Path<String>,
) -> Result<Json<PaymentEventList>> {
    let request = Services::forward(&principal, None, ListPaymentEventsRequest { payment_id })?;
    let answer = app.services.payment.clone().list_payment_events(request).await?.into_inner();
    Ok(Json(PaymentEventList { events: answer.entries.into_iter().map(PaymentEventView::from).collect() }))
}
