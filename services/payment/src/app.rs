//! Use cases: one transaction each.

mod advance_payment;
mod announce_overdue;
mod bill_runs;
mod cancel_payment;
mod close_bill;
mod close_period;
mod create_bill;
mod create_refund;
mod disputes;
mod initiate_payment;
mod issue_bill;
mod issue_run_lines;
mod ledger;
mod list_unknown_callbacks;
mod pdfs;
mod read_bills;
mod read_payments;
mod read_settlements;
mod receive_callback;
mod settle;
mod stage_run_lines;
mod subject_erasure;
mod words;

pub use advance_payment::{Answers, advance_payment, apply_answers};
pub use announce_overdue::announce_overdue;
pub use bill_runs::{create_run, get_run, list_run_faults, list_runs, remind_of_run};
pub use cancel_payment::cancel_payment;
pub use close_bill::{cancel_bill, credit_bill, write_off_bill};
pub use close_period::{Closing, close_period, list_periods};
pub use create_bill::create_bill;
pub use create_refund::create_refund;
pub use disputes::list_disputes;
pub use initiate_payment::initiate_payment;
pub use issue_bill::issue_bill;
pub use issue_run_lines::issue_run_lines;
pub use ledger::{
    Page, Proof, decide_adjustment, list_adjustments, list_balances, list_entries, propose_adjustment,
    verify_ledger,
};
pub use list_unknown_callbacks::list_unknown_callbacks;
pub use pdfs::{ClaimedPdf, claim_pdf, remind_of_pdf, report_pdf};
pub use read_bills::{Bills, get_bill, list_bills};
pub use read_payments::{Payments, get_payment, list_payment_events, list_payments, list_refunds};
pub use read_settlements::{Lines, get_settlement, list_settlements};
pub use receive_callback::receive_callback;
pub use settle::{Fetched, Settler, Settling, settle};
pub use stage_run_lines::stage_run_lines;
pub use subject_erasure::{advance as advance_erasure, begin as begin_erasure};

use auth::Caller;
use clock::Clock;
use grounds::Grounds;
use idempotency::{Key, Scope};
use ids::{BillId, PaymentId, SettlementId, Subject, Tenant};
use pg::Tx;
use proto::Operation;
use proto::common::v1::Money;
use time::{Duration, OffsetDateTime};

use crate::domain::{Bill, BillLine, Currency, Payment};
use crate::{Error, db, work_events};

/// Due kind: a bill's day is over. Subject: the bill.
pub const BILL_OVERDUE: &str = "bill_overdue";
/// Due kind: a run is not over. Subject: the run.
pub const BILL_RUN: &str = "bill_run";
/// Due kind: nobody has had a payment advanced when that was due. Subject: the payment.
pub const PAYMENT_STEP: &str = "payment_step";
/// Due kind: a PDF is still missing. Subject: the job.
pub const PDF_UNREPORTED: &str = "pdf_unreported";
/// Due kind: a provider is to be asked what it has settled. Subject: the settled account.
pub const SETTLEMENT: &str = "settlement";
/// Due kind: a person is to be erased. Subject: the erasure.
pub const SUBJECT_ERASURE: &str = "subject_erasure";

/// How long after something was to be done a workflow is told again. Longer than a workflow takes to come back after its worker died.
pub const PATIENCE_WITH_WORKFLOWS: Duration = Duration::seconds(60);

/// Whose bills and payments the caller sees: a citizen their own, others everybody's.
fn payers(caller: &Caller) -> Option<Vec<Subject>> {
    caller.is_citizen().then(|| caller.subjects())
}

/// The bill that a request names. What is no id names no bill.
fn bill_id(text: &str) -> Result<BillId, Error> {
    text.parse().map_err(|_| Error::BillNotFound)
}

/// The payment that a request names. What is no id names no payment.
fn payment_id(text: &str) -> Result<PaymentId, Error> {
    text.parse().map_err(|_| Error::PaymentNotFound)
}

/// The settlement that a request names. What is no id names none.
fn settlement_id(text: &str) -> Result<SettlementId, Error> {
    text.parse().map_err(|_| Error::SettlementNotFound)
}

/// The amount in a field of a request: 1 or more, of a currency.
fn amount(field: &'static str, money: Option<&Money>) -> Result<(i64, Currency), Error> {
    let money = money.ok_or(Error::Amount { field, rule: "must be set" })?;
    let currency = money
        .currency
        .parse()
        .map_err(|_| Error::Amount { field, rule: "must be of a currency of ISO 4217" })?;
    match money.minor_units {
        1.. => Ok((money.minor_units, currency)),
        _ => Err(Error::Amount { field, rule: "must be 1 or more" }),
    }
}

/// Why the caller does what they ask for.
fn grounds(text: &str) -> Result<Grounds, Error> {
    Ok(text.parse::<Grounds>()?)
}

/// What a request gives to narrow a list.
fn given(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn scope(caller: &Caller, operation: Operation, key: Key) -> Scope {
    Scope { tenant: caller.tenant.clone(), principal: caller.subject.clone(), operation, key }
}

/// Has a payment advanced at once, also while it is being advanced: what the provider answers then may be older than why it is asked anew.
async fn wake(tx: &mut Tx, clock: &Clock, tenant: &Tenant, id: PaymentId) -> Result<(), Error> {
    db::payments::wake(tx, tenant, id).await?;
    want_advance(tx, clock, id).await
}

/// Tells the payment's workflow to have it advanced, and reminds it should it not.
async fn want_advance(tx: &mut Tx, clock: &Clock, id: PaymentId) -> Result<(), Error> {
    due::schedule(tx, PAYMENT_STEP, id.into(), clock.now() + PATIENCE_WITH_WORKFLOWS).await?;
    Ok(work_events::append_payment(tx, clock, id).await?)
}

/// Tells the workflow again of a payment that it was to have advanced, and says when to do so next.
///
/// # Errors
/// The database's.
pub async fn remind_of_payment(tx: &mut Tx, clock: &Clock, id: PaymentId) -> Result<OffsetDateTime, Error> {
    work_events::append_payment(tx, clock, id).await?;
    Ok(clock.now() + PATIENCE_WITH_WORKFLOWS)
}

/// Locks a bill, and reads its lines.
async fn lock_bill(tx: &mut Tx, tenant: &Tenant, id: BillId) -> Result<(Bill, Vec<BillLine>), Error> {
    let bill = db::bills::lock(tx, tenant, id).await?.ok_or(Error::BillNotFound)?;
    let lines = db::bills::lines(tx, tenant, &[id]).await?;
    Ok((bill, lines.into_iter().map(|(_, line)| line).collect()))
}

/// Locks a payment, of one of these payers where any are given, and its bill before: everybody takes them in this order.
async fn lock_payment(
    tx: &mut Tx,
    tenant: &Tenant,
    payers: Option<&[Subject]>,
    id: PaymentId,
) -> Result<(Bill, Payment), Error> {
    let found = db::payments::find(tx, tenant, payers, id).await?.ok_or(Error::PaymentNotFound)?;
    let bill = db::bills::lock(tx, tenant, found.bill_id).await?.ok_or(Error::PaymentNotFound)?;
    let payment = db::payments::lock(tx, tenant, id).await?.ok_or(Error::PaymentNotFound)?;
    Ok((bill, payment))
}
