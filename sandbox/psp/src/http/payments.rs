//! `/v1/payments`.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::account::web_address;
use crate::app::App;
use crate::cards::Behaviour;
use crate::error::Error;
use crate::id::PaymentId;
use crate::moment::Moment;
use crate::money::{self, Currency};
use crate::payment::{By, Capture, Happened, Payment, State as Stand, Step, Terms};
use crate::script::Operation;
use crate::view;
use crate::world::{Draft, World};

use super::Shared;
use super::extract::{Body, List, Result};
use super::gate::{Caller, Unanswered};
use super::idempotent::Key;

/// How long a payer has, where the account does not say: 90 minutes.
const EXPIRES_IN: i64 = 5_400;
const LONGEST: i64 = 30 * 24 * 3_600;
const MOST_METADATA: usize = 20;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPayment {
    amount: i64,
    currency: String,
    reference: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    capture: Capture,
    return_url: String,
    #[serde(default)]
    notify_url: Option<String>,
    #[serde(default)]
    expires_in_seconds: Option<i64>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

impl NewPayment {
    fn check(&self) -> Result<Terms, Error> {
        text("reference", &self.reference, 1, 100)?;
        text("description", &self.description, 0, 200)?;
        web_address("return_url", &self.return_url)?;
        if let Some(url) = &self.notify_url {
            web_address("notify_url", url)?;
        }
        if self.metadata.len() > MOST_METADATA {
            return Err(Error::field("metadata", "must have 20 entries at most"));
        }
        for (name, value) in &self.metadata {
            text("metadata", name, 1, 40)?;
            text("metadata", value, 0, 500)?;
        }
        Ok(Terms {
            amount: money::amount("amount", self.amount)?,
            currency: Currency::parse(&self.currency)?,
            reference: self.reference.clone(),
            description: self.description.clone(),
            capture: self.capture,
            return_url: self.return_url.clone(),
            notify_url: self.notify_url.clone(),
            metadata: self.metadata.clone(),
        })
    }

    fn expires_in(&self) -> Result<Duration, Error> {
        let seconds = self.expires_in_seconds.unwrap_or(EXPIRES_IN);
        if (1..=LONGEST).contains(&seconds) {
            Ok(Duration::seconds(seconds))
        } else {
            Err(Error::field("expires_in_seconds", "must be 1 to 2592000"))
        }
    }
}

pub(crate) fn text(field: &'static str, text: &str, shortest: usize, longest: usize) -> Result<(), Error> {
    if (shortest..=longest).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(Error::field(field, format!("must be {shortest} to {longest} characters, none of control")))
    }
}

pub(crate) async fn create(
    State(app): State<Shared>,
    Extension(Caller(account)): Extension<Caller>,
    headers: HeaderMap,
    Body(body): Body<NewPayment>,
) -> Result<Response> {
    let key = Key::of(&headers, Operation::CreatePayment, "", &body)?;
    let (terms, expires_in) = (body.check()?, body.expires_in()?);
    key.once(&app, &account, |draft| {
        if draft.world.payment_count() >= app.limit {
            return Err(Error::Full);
        }
        let payment = Payment {
            id: PaymentId::mint(draft.now),
            account: account.clone(),
            terms,
            created_at: Moment(draft.now),
            expires_at: Moment(draft.now + expires_in),
            state: Stand::Created,
            card: None,
            refunds: Vec::new(),
            disputes: Vec::new(),
        };
        let kept = draft.keep((payment, Vec::new()));
        Ok((201, view::payment(&kept, &app.base)))
    })
}

pub(crate) async fn get(
    State(app): State<Shared>,
    Extension(Caller(account)): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Value>> {
    let shown = app
        .store
        .read(|world, _| own(world, &account, &id.into()).map(|payment| view::payment(payment, &app.base)))?;
    Ok(Json(shown?))
}

pub(crate) async fn list(
    State(app): State<Shared>,
    Extension(Caller(account)): Extension<Caller>,
    List(page): List,
) -> Result<Json<Value>> {
    let limit = page.limit()?;
    let after = page.after.map(PaymentId::from);
    let (data, more) = app.store.read(|world, _| {
        let all = world.payments(&account, page.reference.as_deref());
        let later = all.skip_while(|payment| after.as_ref().is_some_and(|after| payment.id != *after));
        let mut found = later.skip(usize::from(after.is_some()));
        let data: Vec<Value> = found.by_ref().take(limit).map(|one| view::payment(one, &app.base)).collect();
        (data, found.next().is_some())
    })?;
    Ok(Json(json!({ "data": data, "has_more": more })))
}

/// What a payment of the caller's has, as a list.
pub(crate) fn list_of(
    app: &App,
    account: &str,
    id: String,
    shown: impl FnOnce(&Payment) -> Vec<Value>,
) -> Result<Json<Value>> {
    let shown = app.store.read(|world, _| own(world, account, &id.into()).map(shown))?;
    Ok(Json(json!({ "data": shown? })))
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CaptureOrder {
    #[serde(default)]
    amount: Option<i64>,
}

/// 402 when the bank does not charge; the payment has failed then.
pub(crate) async fn capture(
    State(app): State<Shared>,
    Extension(Caller(account)): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(body): Body<CaptureOrder>,
) -> Result<Response> {
    let key = Key::of(&headers, Operation::CapturePayment, &id, &body)?;
    let amount = body.amount.map(|amount| money::amount("amount", amount)).transpose()?;
    let mut unanswered = false;
    let response = key.once(&app, &account, |draft| {
        let (kept, happened) =
            step(draft, &account, &id.into(), |payment, now| payment.capture(amount, now))?;
        unanswered = is_unanswered(&kept, &happened);
        let failed = matches!(kept.state, Stand::Failed { .. });
        Ok((if failed { 402 } else { 200 }, view::payment(&kept, &app.base)))
    });
    Ok(mark(response?, unanswered))
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

pub(crate) async fn cancel(
    State(app): State<Shared>,
    Extension(Caller(account)): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(body): Body<Nothing>,
) -> Result<Response> {
    let key = Key::of(&headers, Operation::CancelPayment, &id, &body)?;
    key.once(&app, &account, |draft| {
        let (kept, _) = step(draft, &account, &id.into(), |payment, _| payment.cancel(By::Account))?;
        Ok((200, view::payment(&kept, &app.base)))
    })
}

/// Takes a step with a payment of the caller's.
pub(crate) fn step(
    draft: &mut Draft<'_>,
    account: &str,
    id: &PaymentId,
    step: impl FnOnce(Payment, OffsetDateTime) -> Step,
) -> Result<(Payment, Vec<Happened>), Error> {
    let payment = own(draft.world, account, id)?.clone();
    let (payment, happened) = step(payment, draft.now)?;
    Ok((draft.keep((payment, happened.clone())), happened))
}

/// A payment of the caller's; another's is none.
pub(crate) fn own<'a>(world: &'a World, account: &str, id: &PaymentId) -> Result<&'a Payment, Error> {
    of_account(world.payment(id), account, "payment")
}

/// A payment, if it is the account's: another's, and what it has, is not there.
pub(crate) fn of_account<'a>(
    payment: Result<&'a Payment, Error>,
    account: &str,
    what: &'static str,
) -> Result<&'a Payment, Error> {
    payment.ok().filter(|payment| payment.account == account).ok_or(Error::NotFound(what))
}

/// Whether whoever brought this about gets no answer, because of the card.
pub(crate) fn is_unanswered(payment: &Payment, happened: &[Happened]) -> bool {
    payment.behaviour() == Behaviour::TimeoutAfterCharge
        && happened.iter().any(|happened| matches!(happened, Happened::Captured))
}

pub(crate) fn mark(mut response: Response, unanswered: bool) -> Response {
    if unanswered {
        response.extensions_mut().insert(Unanswered);
    }
    response
}
