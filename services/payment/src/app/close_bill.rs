//! What the office takes back or gives up: a whole bill, a part of it, or what is still owed.

use auth::Caller;
use clock::Clock;
use grounds::Grounds;
use idempotency::{KEEP, Key, Outcome};
use ids::{EventId, Subject};
use pg::Tx;
use proto::Operation;
use proto::payment::v1;
use uuid::Uuid;

use super::{subject_erasure, words};
use crate::db::bills::Act;
use crate::domain::{Bill, BillEvent, Entry};
use crate::grpc::billing::shown;
use crate::{Error, State, db, events};

/// What was done to a locked bill, to be written.
struct Done<'a> {
    kind: &'static str,
    amount: i64,
    event: BillEvent,
    entry: Option<Entry>,
    by: &'a Subject,
    reason: &'a Grounds,
    act: Uuid,
}

/// Takes back a bill of which nothing was paid.
pub async fn cancel_bill(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::CancelBillRequest,
) -> Result<Outcome<v1::Bill>, Error> {
    let (id, reason) = (super::bill_id(&request.bill_id)?, super::grounds(&request.reason)?);
    let (tenant, clock, by) = (caller.tenant.clone(), state.clock.clone(), caller.subject.clone());
    let scope = super::scope(caller, Operation::BillingCancelBill, key);
    let outcome = idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx| {
        Box::pin(async move {
            let (bill, lines) = super::lock_bill(tx, &tenant, id).await?;
            let earlier = db::bills::credits(tx, &tenant, id).await?;
            let (bill, event, amount) = bill.cancel(clock.now())?;
            // Nothing was owed on a draft.
            let entry = (amount > 0)
                .then(|| Entry::bill_cancelled(&bill, &lines, &earlier, amount, &clock))
                .transpose()?;
            let act = EventId::mint(&clock).into();
            let done = Done { kind: "cancelled", amount, event, entry, by: &by, reason: &reason, act };
            write(tx, &clock, &bill, done).await?;
            Ok::<_, Error>(shown(&bill, &lines, clock.now())?)
        })
    });
    words::answer(state, caller, outcome.await?).await
}

/// Takes back a part of what is owed.
pub async fn credit_bill(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::CreditBillRequest,
) -> Result<Outcome<v1::Bill>, Error> {
    let (id, reason) = (super::bill_id(&request.bill_id)?, super::grounds(&request.reason)?);
    let (amount, currency) = super::amount("amount", request.amount.as_ref())?;
    let (tenant, clock, by) = (caller.tenant.clone(), state.clock.clone(), caller.subject.clone());
    let scope = super::scope(caller, Operation::BillingCreditBill, key);
    let outcome = idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx| {
        Box::pin(async move {
            let (bill, lines) = super::lock_bill(tx, &tenant, id).await?;
            let earlier = db::bills::credits(tx, &tenant, id).await?;
            if currency != bill.currency {
                return Err(Error::AmountCurrency("amount"));
            }
            let (bill, event) = bill.credit(amount, clock.now())?;
            let act = EventId::mint(&clock).into();
            let entry = Some(Entry::bill_credited(&bill, &lines, &earlier, act, amount, &clock)?);
            let done = Done { kind: "credited", amount, event, entry, by: &by, reason: &reason, act };
            write(tx, &clock, &bill, done).await?;
            Ok::<_, Error>(shown(&bill, &lines, clock.now())?)
        })
    });
    words::answer(state, caller, outcome.await?).await
}

/// Gives up what is owed.
pub async fn write_off_bill(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::WriteOffBillRequest,
) -> Result<Outcome<v1::Bill>, Error> {
    let (id, reason) = (super::bill_id(&request.bill_id)?, super::grounds(&request.reason)?);
    let (tenant, clock, by) = (caller.tenant.clone(), state.clock.clone(), caller.subject.clone());
    let scope = super::scope(caller, Operation::BillingWriteOffBill, key);
    let outcome = idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx| {
        Box::pin(async move {
            let (bill, lines) = super::lock_bill(tx, &tenant, id).await?;
            let earlier = db::bills::credits(tx, &tenant, id).await?;
            let (bill, event, amount) = bill.write_off(clock.now())?;
            let entry = Some(Entry::bill_written_off(&bill, &lines, &earlier, amount, &clock)?);
            let act = EventId::mint(&clock).into();
            let done = Done { kind: "written_off", amount, event, entry, by: &by, reason: &reason, act };
            write(tx, &clock, &bill, done).await?;
            Ok::<_, Error>(shown(&bill, &lines, clock.now())?)
        })
    });
    words::answer(state, caller, outcome.await?).await
}

async fn write(tx: &mut Tx, clock: &Clock, bill: &Bill, done: Done<'_>) -> Result<(), Error> {
    let Done { kind, amount, event, entry, by, reason, act } = done;
    db::bills::update(tx, bill).await?;
    let note = Act { id: act, kind, amount, by, at: clock.now(), reason };
    db::bills::insert_act(tx, bill, &note).await?;
    if let Some(entry) = entry {
        db::ledger::post(tx, &bill.tenant, &entry).await?;
    }
    events::append_bill(tx, clock, bill, event, Some(amount)).await?;
    if bill.closed_at.is_some() {
        subject_erasure::look_again(tx, clock, &bill.payer).await?;
    }
    Ok(())
}
