//! Something happened to a payment, or to a refund of it: the payer is told. What is begun is told by nobody: they have just done it.

use consumer::{CloudEvent, Failure};
use ids::PaymentId;
use pg::{BoxFuture, Tx};
use proto::payment::v1::{PaymentEvent, PaymentFailure, RefundEvent};

use crate::app::notify::Notice;
use crate::domain::status::FeedStatus;
use crate::{State, app};

/// What is told of which event of a payment.
pub(super) const OF_PAYMENTS: [(&str, FeedStatus); 7] = [
    ("guildhall.payment.submitted.v1", FeedStatus::PaymentSubmitted),
    ("guildhall.payment.completed.v1", FeedStatus::PaymentCompleted),
    ("guildhall.payment.failed.v1", FeedStatus::PaymentFailed),
    ("guildhall.payment.expired.v1", FeedStatus::PaymentExpired),
    ("guildhall.payment.cancelled.v1", FeedStatus::PaymentCancelled),
    ("guildhall.payment.outcome_unknown.v1", FeedStatus::PaymentOutcomeUnknown),
    ("guildhall.payment.receipt_ready.v1", FeedStatus::PaymentReceiptReady),
];

/// What is told of which event of a refund.
pub(super) const OF_REFUNDS: [(&str, FeedStatus); 3] = [
    ("guildhall.payment.refund_submitted.v1", FeedStatus::RefundSubmitted),
    ("guildhall.payment.refund_completed.v1", FeedStatus::RefundCompleted),
    ("guildhall.payment.refund_failed.v1", FeedStatus::RefundFailed),
];

pub(super) fn of_payments(
    state: &State,
    status: FeedStatus,
) -> impl for<'c> Fn(&'c mut Tx, &'c CloudEvent) -> BoxFuture<'c, Result<(), Failure>> + Send + Sync + 'static
{
    let state = state.clone();
    move |tx, event| {
        let state = state.clone();
        Box::pin(async move {
            let message: PaymentEvent = event.decode()?;
            let code = match message.failure() {
                PaymentFailure::Declined => "DECLINED",
                PaymentFailure::ProviderError => "PROVIDER_ERROR",
                PaymentFailure::Unspecified | PaymentFailure::Expired => "",
            };
            let notice = notice(event, &message.payment_id, &message.payer, status, code)?;
            Ok(app::notify::notify(tx, &state, &notice).await?)
        })
    }
}

pub(super) fn of_refunds(
    state: &State,
    status: FeedStatus,
) -> impl for<'c> Fn(&'c mut Tx, &'c CloudEvent) -> BoxFuture<'c, Result<(), Failure>> + Send + Sync + 'static
{
    let state = state.clone();
    move |tx, event| {
        let state = state.clone();
        Box::pin(async move {
            let message: RefundEvent = event.decode()?;
            let notice = notice(event, &message.payment_id, &message.payer, status, "")?;
            Ok(app::notify::notify(tx, &state, &notice).await?)
        })
    }
}

fn notice(
    event: &CloudEvent,
    payment_id: &str,
    payer: &str,
    status: FeedStatus,
    code: &'static str,
) -> Result<Notice, Failure> {
    let unreadable = |error: ids::Error| Failure::poison("ID_UNREADABLE", error);
    let payment: PaymentId = payment_id.parse().map_err(unreadable)?;
    Ok(Notice {
        event_id: event.id,
        owner: payer.parse().map_err(unreadable)?,
        status,
        code,
        category: "payment",
        subject_type: "payment",
        subject_id: payment.into(),
    })
}
