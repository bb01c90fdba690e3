//! What the world is told of payments, their refunds and disputes: topic `guildhall.payment.v1`, keyed by payment. Everything is appended, and
//! noted in the payment's own history, while the payment's row is locked, so that a payment's events are in order.

use clock::Clock;
use pg::Tx;
use proto::common::v1::Money;
use proto::payment::v1;
use topology::topics;

use crate::db;
use crate::db::payment_entries::About;
use crate::domain::{Dispute, DisputeState, Payment, PaymentEvent, Refund, RefundState};
use crate::grpc::disputes::status as dispute_status;
use crate::grpc::payments::{cancelled_by, failure, refund_status, status};

/// Appends the event of an edge of a payment.
pub async fn append(
    tx: &mut Tx,
    clock: &Clock,
    payment: &Payment,
    event: PaymentEvent,
) -> Result<(), pg::Error> {
    let name = match event {
        PaymentEvent::Initiated => "initiated",
        PaymentEvent::Submitted => "submitted",
        PaymentEvent::Completed => "completed",
        PaymentEvent::Failed => "failed",
        PaymentEvent::Expired => "expired",
        PaymentEvent::Cancelled => "cancelled",
        PaymentEvent::OutcomeUnknown => "outcome_unknown",
        PaymentEvent::ReceiptReady => "receipt_ready",
    };
    let message = v1::PaymentEvent {
        payment_id: payment.id.to_string(),
        bill_id: payment.bill_id.to_string(),
        payer: payment.payer.to_string(),
        amount: Some(money(payment, payment.amount)),
        status: status(payment.state).into(),
        failure: failure(payment.state).into(),
        cancelled_by: cancelled_by(payment.state).into(),
        captured: Some(money(payment, payment.captured())),
        receipt_document_id: payment.receipt_id.map(|id| id.to_string()).unwrap_or_default(),
    };
    let event_type = format!("guildhall.payment.{name}.v1");
    let event = outbox::Event::new(topics::PAYMENT, &event_type, payment.id, payment.id, &message);
    outbox::append(tx, clock, event).await?;
    note(tx, clock, payment, name, About::Payment).await
}

/// Appends the event of an edge of a refund, whose payment's row is locked.
pub async fn append_refund(
    tx: &mut Tx,
    clock: &Clock,
    payment: &Payment,
    refund: &Refund,
) -> Result<(), pg::Error> {
    let name = match refund.state {
        RefundState::Submitted => "refund_submitted",
        RefundState::Completed => "refund_completed",
        RefundState::Failed => "refund_failed",
    };
    let message = v1::RefundEvent {
        refund_id: refund.id.to_string(),
        payment_id: payment.id.to_string(),
        bill_id: payment.bill_id.to_string(),
        payer: payment.payer.to_string(),
        amount: Some(money(payment, refund.amount)),
        status: refund_status(refund.state).into(),
    };
    let event_type = format!("guildhall.payment.{name}.v1");
    let event = outbox::Event::new(topics::PAYMENT, &event_type, payment.id, refund.id, &message);
    outbox::append(tx, clock, event).await?;
    note(tx, clock, payment, name, About::Refund(refund.id)).await
}

/// Appends the event of an edge of a dispute, whose payment's row is locked.
pub async fn append_dispute(
    tx: &mut Tx,
    clock: &Clock,
    payment: &Payment,
    dispute: &Dispute,
) -> Result<(), pg::Error> {
    let name = match dispute.state {
        DisputeState::NeedsResponse => "dispute_opened",
        DisputeState::UnderReview => "dispute_under_review",
        DisputeState::Won => "dispute_won",
        DisputeState::Lost => "dispute_lost",
    };
    let message = v1::DisputeEvent {
        dispute_id: dispute.id.to_string(),
        payment_id: payment.id.to_string(),
        bill_id: payment.bill_id.to_string(),
        payer: payment.payer.to_string(),
        amount: Some(money(payment, dispute.amount)),
        status: dispute_status(dispute.state).into(),
        reason: dispute.reason.name().to_owned(),
    };
    let event_type = format!("guildhall.payment.{name}.v1");
    let event = outbox::Event::new(topics::PAYMENT, &event_type, payment.id, dispute.id, &message);
    outbox::append(tx, clock, event).await?;
    note(tx, clock, payment, name, About::Dispute(dispute.id)).await
}

/// Notes that somebody wants a payment cancelled: its status stays as it is, hence no event.
pub async fn note_cancel_asked(tx: &mut Tx, clock: &Clock, payment: &Payment) -> Result<(), pg::Error> {
    note(tx, clock, payment, "cancel_asked", About::Payment).await
}

async fn note(
    tx: &mut Tx,
    clock: &Clock,
    payment: &Payment,
    name: &'static str,
    about: About,
) -> Result<(), pg::Error> {
    Ok(db::payment_entries::insert(tx, &payment.tenant, payment.id, clock.now(), name, about).await?)
}

fn money(payment: &Payment, minor_units: i64) -> Money {
    Money { minor_units, currency: payment.currency.to_string() }
}
