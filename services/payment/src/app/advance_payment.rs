//! The provider is asked how a payment and its refunds stand, and what it says is applied.
//!
//! Nothing of this happens by itself: whoever waits for a payment has it advanced, and is told how long to wait before the next time.
//! The provider is asked between two transactions: the first reads, the second applies the answers, writes the books and notes when
//! somebody else is to be asked, should nobody come again. Whatever fails or dies in between changes nothing, and two who ask at once
//! get one record.

use futures::StreamExt as _;
use ids::{PaymentId, Tenant};
use pg::Tx;
use time::{Duration, OffsetDateTime};

use super::{PATIENCE_WITH_WORKFLOWS, PAYMENT_STEP, disputes, pdfs, settle, subject_erasure};
use crate::domain::{
    Applied, Bill, DisputeSeen, Entry, Payment, PaymentState, Refund, RefundSeen, RefundState, Seen,
};
use crate::{Error, State, db, events, payment_events};

/// Refunds of one payment asked about at once.
const REFUNDS_AT_ONCE: usize = 4;

/// What a provider has said of a payment and its refunds.
#[derive(Debug)]
pub struct Answers {
    /// How it stands; `None` where that was not asked.
    pub payment: Option<Seen>,
    /// How those of its refunds stand that were under way.
    pub refunds: Vec<(Refund, RefundSeen)>,
    /// What is contested; `None` where that was not asked, or not answered.
    pub disputes: Option<Vec<DisputeSeen>>,
}

/// Asks about one payment and its refunds, and applies what the provider says. Tells how long to wait before the next time: not at all
/// where somebody has asked for that meanwhile, and `None` once nothing is under way.
///
/// # Errors
/// `PAYMENT_NOT_FOUND`, and what the database says.
pub async fn advance_payment(state: &State, tenant: &Tenant, id: &str) -> Result<Option<Duration>, Error> {
    let (of, now, id) = (tenant.clone(), state.clock.now(), super::payment_id(id)?);
    let found = state.db.tenant(tenant, move |tx| {
        Box::pin(async move {
            // Before what is asked about: a wake in between is one too many, and none too few.
            let wakes = db::payments::wakes(tx, &of, id).await?.ok_or(Error::PaymentNotFound)?;
            let payment = db::payments::find(tx, &of, None, id).await?.ok_or(Error::PaymentNotFound)?;
            Ok::<_, Error>((payment, db::refunds::of_payment(tx, &of, id).await?, wakes))
        })
    });
    let (payment, refunds, wakes) = found.await?;
    failpoint::pass("step::read");
    let answers = ask(state, &payment, refunds, now).await;
    failpoint::pass("step::asked");
    let wait = apply_answers(state, tenant, id, answers, wakes).await?;
    failpoint::pass("step::committed");
    Ok(wait)
}

async fn ask(state: &State, payment: &Payment, refunds: Vec<Refund>, now: OffsetDateTime) -> Answers {
    // An account that is gone from the settings answers nothing: what is under way there stays unknown.
    let provider = state.providers.find(&payment.account).map(|account| &account.provider);
    let seen = match (payment.ask(now), provider) {
        (Some(ask), Some(provider)) => Some(provider.ask(payment, &ask, now).await),
        (Some(_), None) => Some(Seen::NoAnswer),
        (None, _) => None,
    };
    let under_way = refunds.into_iter().filter(|refund| refund.state == RefundState::Submitted);
    let refunds = futures::stream::iter(under_way)
        .map(|refund| async move {
            let seen = match provider {
                Some(provider) => provider.ask_refund(payment, &refund).await,
                None => RefundSeen::NoAnswer,
            };
            (refund, seen)
        })
        .buffered(REFUNDS_AT_ONCE)
        .collect()
        .await;
    let disputes = disputes::ask(provider, payment, seen.as_ref()).await;
    Answers { payment: seen, refunds, disputes }
}

/// Applies what was answered to a question that was put after so many wakes, in one transaction: the second half of [`advance_payment`],
/// and what a bench measures of it, without a provider. Tells how long to wait as that does.
///
/// # Errors
/// `PAYMENT_NOT_FOUND`, and what the database says.
pub async fn apply_answers(
    state: &State,
    tenant: &Tenant,
    id: PaymentId,
    answers: Answers,
    wakes: i64,
) -> Result<Option<Duration>, Error> {
    let (of, state) = (tenant.clone(), state.clone());
    let db = state.db.clone();
    db.tenant(tenant, move |tx| {
        Box::pin(async move {
            let (bill, mut payment) = super::lock_payment(tx, &of, None, id).await?;
            let now = state.clock.now();
            if let Some(seen) = answers.payment {
                payment = apply_payment(tx, &state, bill, payment, seen, now).await?;
            }
            for (refund, seen) in answers.refunds {
                payment = apply_refund(tx, &state, payment, &refund, seen, now).await?;
            }
            if let Some(seen) = &answers.disputes {
                payment = disputes::apply(tx, &state, payment, seen).await?;
            }
            let refunds = db::refunds::of_payment(tx, &of, id).await?;
            let next =
                refunds.iter().filter_map(|refund| refund.ask_at(now)).chain(payment.ask_at(now)).min();
            let next = disputes::ask_at(tx, &payment, answers.disputes.is_some(), now)
                .await?
                .into_iter()
                .chain(next)
                .min();
            let woken = db::payments::wakes(tx, &of, id).await?.is_some_and(|now| now > wakes);
            let wait = match next {
                Some(at) if !woken => Some((at - now).max(Duration::ZERO)),
                Some(_) => Some(Duration::ZERO),
                // Its disputes are looked at anew.
                None if woken && payment.captured() > 0 => Some(Duration::ZERO),
                None => None,
            };
            match wait {
                Some(wait) => {
                    let at = now + wait + PATIENCE_WITH_WORKFLOWS;
                    due::schedule(tx, PAYMENT_STEP, id.into(), at).await?;
                }
                None => due::cancel(tx, PAYMENT_STEP, id.into()).await?,
            }
            failpoint::pass("step::written");
            Ok::<_, Error>(wait)
        })
    })
    .await
}

async fn apply_payment(
    tx: &mut Tx,
    state: &State,
    bill: Bill,
    payment: Payment,
    seen: Seen,
    now: OffsetDateTime,
) -> Result<Payment, Error> {
    let before = payment.clone();
    let Applied { payment, event, contradiction } = payment.apply(seen, now, state.patience);
    if let Some(what) = contradiction {
        tracing::error!(payment.id = %payment.id, contradiction = what, "the provider says what cannot be");
    }
    if payment == before && contradiction.is_none() {
        return Ok(payment);
    }
    db::payments::update(tx, &payment, contradiction).await?;
    let Some(event) = event else { return Ok(payment) };
    payment_events::append(tx, &state.clock, &payment, event).await?;
    tracing::info!(payment.id = %payment.id, payment.status = payment.state.name(), "payment moved on");
    match payment.state {
        PaymentState::Completed { captured } => {
            let entry = Entry::payment_captured(&payment, &state.clock)?;
            db::ledger::post(tx, &payment.tenant, &entry).await?;
            settle::begin(tx, &state.clock, &payment.account).await?;
            pdfs::ask(tx, &state.clock, bill.id, Some(payment.id)).await?;
            let (bill, edge) = bill.pay(captured, now)?;
            db::bills::update(tx, &bill).await?;
            if let Some(edge) = edge {
                events::append_bill(tx, &state.clock, &bill, edge, Some(captured)).await?;
            }
            if bill.closed_at.is_some() {
                subject_erasure::look_again(tx, &state.clock, &bill.payer).await?;
            }
        }
        PaymentState::Failed(_) | PaymentState::Cancelled(_) => {
            let (bill, _) = bill.pay(0, now)?;
            db::bills::update(tx, &bill).await?;
        }
        PaymentState::Initiated | PaymentState::Submitted | PaymentState::OutcomeUnknown => {}
    }
    Ok(payment)
}

async fn apply_refund(
    tx: &mut Tx,
    state: &State,
    payment: Payment,
    asked: &Refund,
    seen: RefundSeen,
    now: OffsetDateTime,
) -> Result<Payment, Error> {
    // As it is now, under the lock of its payment: somebody else may have asked meanwhile.
    let refunds = db::refunds::of_payment(tx, &payment.tenant, payment.id).await?;
    let Some(before) = refunds.into_iter().find(|refund| refund.id == asked.id) else { return Ok(payment) };
    let (refund, over) = before.clone().apply(seen, now);
    if refund == before {
        return Ok(payment);
    }
    db::refunds::update(tx, &refund).await?;
    if !over {
        return Ok(payment);
    }
    let succeeded = refund.state == RefundState::Completed;
    let payment = payment.refund_ended(refund.amount, succeeded);
    db::payments::update(tx, &payment, None).await?;
    if succeeded {
        let entry = Entry::refund_completed(&payment, &refund, &state.clock)?;
        db::ledger::post(tx, &payment.tenant, &entry).await?;
    }
    payment_events::append_refund(tx, &state.clock, &payment, &refund).await?;
    tracing::info!(refund.id = %refund.id, refund.status = refund.state.name(), "refund moved on");
    Ok(payment)
}
