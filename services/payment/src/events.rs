//! What the world is told of bills: topic `guildhall.billing.v1`, keyed by bill; and of erasures. Everything is appended while the row it
//! is about is locked, so that a bill's events are in order.

use clock::Clock;
use pg::Tx;
use proto::common::v1::Money;
use proto::payment::v1;
use topology::topics;

use crate::db::subject_erasures::SubjectErasure;
use crate::domain::{Bill, BillEvent, BillRun};
use crate::grpc::bill_runs::{run_failure, run_status};
use crate::grpc::billing::status;

/// Why bills are kept: somebody has to be able to read what they owe.
const BILL_OPEN: &str = "BILL_OPEN";

/// Appends the event of an edge of a bill, and how much it is about.
pub async fn append_bill(
    tx: &mut Tx,
    clock: &Clock,
    bill: &Bill,
    event: BillEvent,
    amount: Option<i64>,
) -> Result<(), pg::Error> {
    let name = match event {
        BillEvent::Issued => "bill_issued",
        BillEvent::PartPaid => "bill_part_paid",
        BillEvent::Paid => "bill_paid",
        BillEvent::Credited => "bill_credited",
        BillEvent::Overdue => "bill_overdue",
        BillEvent::Cancelled => "bill_cancelled",
        BillEvent::WrittenOff => "bill_written_off",
        BillEvent::PdfReady => "bill_pdf_ready",
    };
    let money = |minor_units| Some(Money { minor_units, currency: bill.currency.to_string() });
    let message = v1::BillEvent {
        bill_id: bill.id.to_string(),
        payer: bill.payer.to_string(),
        status: status(bill.status).into(),
        total: money(bill.total),
        outstanding: money(bill.outstanding()),
        due_on: bill.due_on.to_string(),
        amount: amount.and_then(money),
        pdf_document_id: bill.pdf_id.map(|id| id.to_string()).unwrap_or_default(),
    };
    let event_type = format!("guildhall.billing.{name}.v1");
    let event = outbox::Event::new(topics::BILLING, &event_type, bill.id, bill.id, &message);
    outbox::append(tx, clock, event).await?;
    Ok(())
}

/// Appends that a run has begun or ended.
pub async fn append_run(
    tx: &mut Tx,
    clock: &Clock,
    run: &BillRun,
    name: &'static str,
) -> Result<(), pg::Error> {
    let message = v1::BillRunEvent {
        run_id: run.id.to_string(),
        status: run_status(run.state).into(),
        lines: run.lines,
        issued: run.issued,
        failure: run_failure(run.state).into(),
    };
    let event_type = format!("guildhall.billing.{name}.v1");
    let event = outbox::Event::new(topics::BILLING, &event_type, run.id, run.id, &message);
    outbox::append(tx, clock, event).await?;
    Ok(())
}

/// Appends what was done of an erasure, whose row is locked: bills without anything personal, and bills that are kept.
pub async fn append_subject_erased(
    tx: &mut Tx,
    clock: &Clock,
    erasure: &SubjectErasure,
    (erased, kept): (i64, i64),
) -> Result<(), pg::Error> {
    let message = v1::PaymentSubjectErased {
        erasure_id: erasure.id.to_string(),
        subject: erasure.subject.to_string(),
        erased,
        kept,
        kept_reasons: if kept > 0 { vec![BILL_OPEN.to_owned()] } else { Vec::new() },
    };
    let event_type = "guildhall.payment.subject_erased.v1";
    let event = outbox::Event::new(topics::PAYMENT, event_type, erasure.id, erasure.id, &message);
    outbox::append(tx, clock, event).await?;
    Ok(())
}
