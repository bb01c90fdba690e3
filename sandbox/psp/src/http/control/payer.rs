//! What payers and their banks do.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::error::Error;
use crate::http::Shared;
use crate::http::checkout::{self, Paid};
use crate::http::extract::{Body, List, Result};
use crate::http::gate::deliver_first;
use crate::http::payments::text;
use crate::id::{DisputeId, PaymentId, RefundId};
use crate::money;
use crate::payment::State as Stand;
use crate::view;

/// Every account's payments; of a `reference` where one is named.
pub(crate) async fn list(State(app): State<Shared>, List(page): List) -> Result<Json<Value>> {
    Ok(Json(app.store.read(|world, _| {
        let reference = page.reference.as_deref();
        let payments = world.accounts().flat_map(|account| world.payments(&account.id, reference));
        json!({ "data": payments.map(|payment| view::payment(payment, &app.base)).collect::<Vec<_>>() })
    })?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Put {
    card: String,
}

/// The payment, where the payer goes next, and whether the payer's browser got an answer at all.
async fn seen(app: &App, paid: Paid) -> Result<Json<Value>> {
    deliver_first(app, &paid.events).await?;
    let goes_to = match paid.payment.state {
        _ if paid.unanswered => None,
        Stand::Challenged => Some(format!("{}/checkout/{}", app.base, paid.payment.id)),
        _ => Some(paid.payment.terms.return_url.clone()),
    };
    Ok(Json(json!({
        "payment": view::payment(&paid.payment, &app.base),
        "answered": !paid.unanswered,
        "goes_to": goes_to,
    })))
}

pub(crate) async fn pay(
    State(app): State<Shared>,
    Path(id): Path<String>,
    Body(put): Body<Put>,
) -> Result<Json<Value>> {
    seen(&app, checkout::pay(&app, &id.into(), &put.card)?).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Approval {
    approve: bool,
}

pub(crate) async fn challenge(
    State(app): State<Shared>,
    Path(id): Path<String>,
    Body(body): Body<Approval>,
) -> Result<Json<Value>> {
    seen(&app, checkout::answer_challenge(&app, &id.into(), body.approve)?).await
}

pub(crate) async fn cancel(State(app): State<Shared>, Path(id): Path<String>) -> Result<Json<Value>> {
    seen(&app, checkout::cancel(&app, &id.into())?).await
}

/// The bank says at last.
pub(crate) async fn resolve(
    State(app): State<Shared>,
    Path(id): Path<String>,
    Body(body): Body<Approval>,
) -> Result<Json<Value>> {
    let resolved = checkout::act(&app, &id.into(), |payment, now| payment.resolve(body.approve, now))?;
    seen(&app, Paid { unanswered: false, ..resolved }).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Contest {
    amount: Option<i64>,
    reason: Option<String>,
}

pub(crate) async fn dispute(
    State(app): State<Shared>,
    Path(id): Path<String>,
    Body(body): Body<Contest>,
) -> Result<Json<Value>> {
    let amount = body.amount.map(|amount| money::amount("amount", amount)).transpose()?;
    let reason = body.reason.unwrap_or_else(|| "fraudulent".to_owned());
    text("reason", &reason, 1, 100)?;
    let id = PaymentId::from(id);
    let opened = checkout::act(&app, &id, |payment, now| payment.open_dispute(amount, &reason, now))?;
    let dispute = opened.payment.disputes.last().ok_or(Error::NotFound("dispute"))?;
    Ok(Json(view::dispute(dispute, &opened.payment)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefundOutcome {
    succeed: bool,
}

pub(crate) async fn resolve_refund(
    State(app): State<Shared>,
    Path(id): Path<String>,
    Body(body): Body<RefundOutcome>,
) -> Result<Json<Value>> {
    let id = RefundId::from(id);
    let payment =
        app.store.read(|world, _| world.payment_of_refund(&id).map(|payment| payment.id.clone()))??;
    let done = checkout::act(&app, &payment, |payment, _| payment.settle_refund(&id, body.succeed))?;
    let refund = done.payment.refund(&id).ok_or(Error::NotFound("refund"))?;
    Ok(Json(view::refund(refund, refund.state, &done.payment)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decision {
    won: bool,
}

/// `won` by the account.
pub(crate) async fn resolve_dispute(
    State(app): State<Shared>,
    Path(id): Path<String>,
    Body(body): Body<Decision>,
) -> Result<Json<Value>> {
    let id = DisputeId::from(id);
    let payment =
        app.store.read(|world, _| world.payment_of_dispute(&id).map(|payment| payment.id.clone()))??;
    let done = checkout::act(&app, &payment, |payment, _| payment.decide_dispute(&id, body.won))?;
    let dispute = done.payment.dispute(&id).ok_or(Error::NotFound("dispute"))?;
    Ok(Json(view::dispute(dispute, &done.payment)))
}
