//! `POST /v1/payments`

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use proto::payment::v1::InitiatePaymentRequest;
use serde::Deserialize;
use utoipa::ToSchema;

use super::PaymentView;
use crate::App;
use crate::http::documents::{IDEMPOTENCY_KEY, incomplete, replay_headers};
use crate::http::extract;
use crate::http::money::MoneyView;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Which bill to pay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Initiate {
    /// UUIDv7 of the bill.
    bill_id: String,
    /// How much of it; without it, all that is outstanding.
    amount: Option<MoneyView>,
    /// Where the provider sends the payer afterwards: an absolute `https` URL of at most 2,000 bytes.
    return_url: String,
}

/// Begins to pay a bill. Answers at once; `_links.next` is there when the provider has given its page: poll, or wait for the live stream.
#[utoipa::path(post, path = "/v1/payments", tag = "payments", request_body = Initiate,
    security(("session" = []), ("bearer" = [])),
    params(("idempotency-key" = String, Header, description = "1 to 255 visible ASCII characters; kept for 30 days.")),
    responses((status = 202, body = PaymentView), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem),
        (status = 503, body = Problem)))]
pub async fn initiate(
    State(app): State<App>,
    principal: Principal,
    headers: HeaderMap,
    extract::Json(body): extract::Json<Initiate>,
) -> Result<(StatusCode, HeaderMap, Json<PaymentView>)> {
    let message = InitiatePaymentRequest {
        bill_id: body.bill_id,
        amount: body.amount.map(Into::into),
        return_url: body.return_url,
    };
    let request = Services::forward(&principal, headers.get(IDEMPOTENCY_KEY), message)?;
    let answer = app.services.payment.clone().initiate_payment(request).await?;
    let replayed = replay_headers(answer.metadata());
    let payment = answer.into_inner().payment.ok_or_else(incomplete)?;
    Ok((StatusCode::ACCEPTED, replayed, Json(payment.into())))
}
