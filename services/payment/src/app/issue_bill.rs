use auth::Caller;
use clock::Clock;
use idempotency::{KEEP, Key, Outcome};
use pg::Tx;
use proto::Operation;
use proto::payment::v1;

use super::{BILL_OVERDUE, pdfs, words};
use crate::domain::{Bill, BillLine, BillStatus, Day, Entry};
use crate::error::Broken;
use crate::grpc::billing::shown;
use crate::{Error, State, db, events};

/// Issues a draft: from the commit on it is owed.
pub async fn issue_bill(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::IssueBillRequest,
) -> Result<Outcome<v1::Bill>, Error> {
    let id = super::bill_id(&request.bill_id)?;
    let (tenant, clock) = (caller.tenant.clone(), state.clock.clone());
    let scope = super::scope(caller, Operation::BillingIssueBill, key);
    let outcome = idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx| {
        Box::pin(async move {
            let (bill, lines) = super::lock_bill(tx, &tenant, id).await?;
            if bill.status == BillStatus::Draft && bill.due_on < Day::of(clock.now()) {
                return Err(Error::Bill(vec![Broken::new(
                    "due_on",
                    "must be today or later when it is issued",
                )]));
            }
            let bill = issue(tx, &clock, bill, &lines).await?;
            Ok::<_, Error>(shown(&bill, &lines, clock.now())?)
        })
    });
    words::answer(state, caller, outcome.await?).await
}

/// Issues a draft, whose row is this transaction's.
pub(super) async fn issue(tx: &mut Tx, clock: &Clock, bill: Bill, lines: &[BillLine]) -> Result<Bill, Error> {
    // Nobody is billed by a name that nobody can read any more.
    envelope::stay(tx, &bill.payer).await?;
    let (bill, event) = bill.issue(clock.now())?;
    db::bills::update(tx, &bill).await?;
    db::ledger::post(tx, &bill.tenant, &Entry::bill_issued(&bill, lines, clock)?).await?;
    due::schedule(tx, BILL_OVERDUE, bill.id.into(), bill.due_on.end()).await?;
    events::append_bill(tx, clock, &bill, event, None).await?;
    pdfs::ask(tx, clock, bill.id, None).await?;
    Ok(bill)
}
