//! `/v1/payments/{id}/refunds` and `/v1/refunds`.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cards::Behaviour;
use crate::error::Error;
use crate::id::RefundId;
use crate::money;
use crate::refund::RefundState;
use crate::script::Operation;
use crate::view;

use super::Shared;
use super::extract::{Body, Result};
use super::gate::Caller;
use super::idempotent::Key;
use super::payments::{list_of, of_account, step, text};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRefund {
    amount: i64,
    #[serde(default)]
    reference: Option<String>,
}

pub(crate) async fn create(
    State(app): State<Shared>,
    Extension(Caller(account)): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(body): Body<NewRefund>,
) -> Result<Response> {
    let key = Key::of(&headers, Operation::CreateRefund, &id, &body)?;
    let amount = money::amount("amount", body.amount)?;
    if let Some(reference) = &body.reference {
        text("reference", reference, 1, 100)?;
    }
    key.once(&app, &account, |draft| {
        let (kept, _) =
            step(draft, &account, &id.into(), |payment, now| payment.give_back(amount, body.reference, now))?;
        let refund = kept.refunds.last().ok_or(Error::NotFound("refund"))?;
        // One that fails is taken first.
        let fails = kept.behaviour() == Behaviour::RefundFails;
        let state = if fails { RefundState::Pending } else { refund.state };
        Ok((201, view::refund(refund, state, &kept)))
    })
}

pub(crate) async fn list(
    State(app): State<Shared>,
    Extension(Caller(account)): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Value>> {
    list_of(&app, &account, id, |payment| {
        payment.refunds.iter().map(|refund| view::refund(refund, refund.state, payment)).collect()
    })
}

pub(crate) async fn get(
    State(app): State<Shared>,
    Extension(Caller(account)): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Value>> {
    let id = RefundId::from(id);
    let shown = app.store.read(|world, _| {
        let payment = of_account(world.payment_of_refund(&id), &account, "refund")?;
        payment
            .refund(&id)
            .map(|refund| view::refund(refund, refund.state, payment))
            .ok_or(Error::NotFound("refund"))
    })?;
    Ok(Json(shown?))
}
