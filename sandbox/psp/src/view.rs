//! Records as the API shows them.

use serde_json::{Value, json};

use crate::books::Entry;
use crate::dispute::Dispute;
use crate::event::Event;
use crate::id::EventId;
use crate::moment::Moment;
use crate::money;
use crate::payment::{Happened, Payment, State};
use crate::refund::{Refund, RefundState};

/// A payment. `base` is where its checkout page is.
pub(crate) fn payment(payment: &Payment, base: &str) -> Value {
    let mut shown = plain_payment(payment);
    if matches!(payment.state, State::Created | State::Challenged) {
        shown["checkout_url"] = json!(format!("{base}/checkout/{}", payment.id));
    }
    shown
}

fn plain_payment(payment: &Payment) -> Value {
    let terms = &payment.terms;
    let (mut failure, mut cancelled_by, mut capture_before, mut captured_at) = (None, None, None, None);
    match &payment.state {
        State::Failed { reason } => failure = Some(json!({ "code": reason, "message": reason.message() })),
        State::Cancelled { by } => cancelled_by = Some(*by),
        State::Authorised { capture_before: at } => capture_before = Some(*at),
        State::Captured { at, .. } => captured_at = Some(*at),
        State::Created | State::Challenged | State::Processing { .. } | State::Expired => {}
    }
    let captured = payment.captured();
    json!({
        "id": payment.id,
        "account": payment.account,
        "state": payment.state.name(),
        "amount": terms.amount,
        "currency": terms.currency,
        "reference": terms.reference,
        "description": terms.description,
        "capture": terms.capture,
        "metadata": terms.metadata,
        "amount_captured": captured,
        "amount_refunded": payment.refunded(),
        "amount_refundable": payment.refundable(),
        "fee": if captured > 0 { money::fee(captured) } else { 0 },
        "failure": failure,
        "cancelled_by": cancelled_by,
        "card": payment.card.as_ref().map(|card| json!({ "brand": card.brand, "last4": card.last4 })),
        "return_url": terms.return_url,
        "notify_url": terms.notify_url,
        "checkout_url": null,
        "created_at": payment.created_at,
        "expires_at": payment.expires_at,
        "capture_before": capture_before,
        "captured_at": captured_at,
    })
}

/// A refund. `state` is what it was taken in.
pub(crate) fn refund(refund: &Refund, state: RefundState, payment: &Payment) -> Value {
    json!({
        "id": refund.id,
        "payment_id": payment.id,
        "state": state.name(),
        "amount": refund.amount,
        "currency": payment.terms.currency,
        "reference": refund.reference,
        "created_at": refund.created_at,
    })
}

pub(crate) fn dispute(dispute: &Dispute, payment: &Payment) -> Value {
    json!({
        "id": dispute.id,
        "payment_id": payment.id,
        "state": dispute.state.name(),
        "amount": dispute.amount,
        "currency": payment.terms.currency,
        "reason": dispute.reason,
        "opened_at": dispute.opened_at,
        "respond_by": dispute.respond_by,
    })
}

/// The body of a webhook.
pub(crate) fn event(
    id: &EventId,
    kind: &str,
    sequence: u64,
    at: Moment,
    payment: &Payment,
    happened: &Happened,
) -> Value {
    let mut data = json!({ "payment": plain_payment(payment) });
    match happened {
        Happened::Refunded(id) | Happened::RefundFailed(id) => {
            data["refund"] = json!(payment.refund(id).map(|one| refund(one, one.state, payment)));
        }
        Happened::DisputeOpened(id)
        | Happened::DisputeUnderReview(id)
        | Happened::DisputeWon(id)
        | Happened::DisputeLost(id) => {
            data["dispute"] = json!(payment.dispute(id).map(|one| dispute(one, payment)));
        }
        Happened::Authorised
        | Happened::Captured
        | Happened::Failed
        | Happened::Cancelled
        | Happened::Expired => {}
    }
    json!({
        "id": id,
        "type": kind,
        "account": payment.account,
        "sequence": sequence,
        "created_at": at,
        "data": data,
    })
}

pub(crate) fn entry(entry: &Entry) -> Value {
    json!({
        "id": entry.id,
        "account": entry.account,
        "type": entry.kind.name(),
        "payment_id": entry.payment,
        "object_id": entry.object,
        "reference": entry.reference,
        "currency": entry.currency,
        "amount": entry.amount,
        "booked_at": entry.at,
        "settled_on": entry.settled_on,
    })
}

/// An event and how its delivery goes, for tests.
pub(crate) fn delivery(event: &Event) -> Value {
    json!({
        "id": event.id,
        "account": event.account,
        "payment_id": event.payment,
        "type": event.kind,
        "sequence": event.sequence,
        "url": event.url,
        "delivery": event.delivery.name(),
        "sent": event.sent,
        "attempts": event.attempts,
    })
}
