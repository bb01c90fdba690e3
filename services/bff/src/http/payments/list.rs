//! `GET /v1/payments`

use axum::Json;
use axum::extract::State;
use proto::payment::v1::ListPaymentsRequest;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::PaymentView;
use crate::App;
use crate::http::extract::Query;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Which payments.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// How many at most; default 50, max 200.
    page_size: Option<i32>,
    /// `next_page_token` of the page before.
    page_token: Option<String>,
    /// UUIDv7 of the bill.
    bill_id: Option<String>,
}

/// A page of payments, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct PaymentList {
    /// The payments.
    payments: Vec<PaymentView>,
    /// Token of the next page; `null` on the last.
    next_page_token: Option<String>,
}

/// Lists the caller's payments, or those of a bill; for staff, the tenant's. Strongly consistent.
#[utoipa::path(get, path = "/v1/payments", tag = "payments", params(Which), security(("session" = []), ("bearer" = [])),
    responses((status = 200, body = PaymentList), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    Query(which): Query<Which>,
) -> Result<Json<PaymentList>> {
    let message = ListPaymentsRequest {
        page_size: which.page_size.unwrap_or_default(),
        page_token: which.page_token.unwrap_or_default(),
        bill_id: which.bill_id.unwrap_or_default(),
    };
    let request = Services::forward(&principal, None, message)?;
    let answer = app.services.payment.clone().list_payments(request).await?.into_inner();
    Ok(Json(PaymentList {
        payments: answer.payments.into_iter().map(PaymentView::from).collect(),
        next_page_token: Some(answer.next_page_token).filter(|token| !token.is_empty()),
    }))
}
