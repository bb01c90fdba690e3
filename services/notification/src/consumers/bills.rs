//! Something happened to a bill: its payer is told. Every event of the topic has one message.

use consumer::{CloudEvent, Failure};
use ids::BillId;
use pg::{BoxFuture, Tx};
use proto::payment::v1::BillEvent;

use crate::app::notify::Notice;
use crate::domain::status::FeedStatus;
use crate::{State, app};

/// What is told of which event.
pub(super) const TYPES: [(&str, FeedStatus); 8] = [
    ("guildhall.billing.bill_issued.v1", FeedStatus::BillIssued),
    ("guildhall.billing.bill_part_paid.v1", FeedStatus::BillPartPaid),
    ("guildhall.billing.bill_paid.v1", FeedStatus::BillPaid),
    ("guildhall.billing.bill_credited.v1", FeedStatus::BillCredited),
    ("guildhall.billing.bill_overdue.v1", FeedStatus::BillOverdue),
    ("guildhall.billing.bill_cancelled.v1", FeedStatus::BillCancelled),
    ("guildhall.billing.bill_written_off.v1", FeedStatus::BillWrittenOff),
    ("guildhall.billing.bill_pdf_ready.v1", FeedStatus::BillPdfReady),
];

pub(super) fn handler(
    state: &State,
    status: FeedStatus,
) -> impl for<'c> Fn(&'c mut Tx, &'c CloudEvent) -> BoxFuture<'c, Result<(), Failure>> + Send + Sync + 'static
{
    let state = state.clone();
    move |tx, event| {
        let state = state.clone();
        Box::pin(async move {
            let message: BillEvent = event.decode()?;
            let unreadable = |error: ids::Error| Failure::poison("ID_UNREADABLE", error);
            let bill: BillId = message.bill_id.parse().map_err(unreadable)?;
            // A draft that is taken back was never told of.
            if status == FeedStatus::BillCancelled && message.amount.is_none_or(|owed| owed.minor_units == 0)
            {
                return Ok(());
            }
            let notice = Notice {
                event_id: event.id,
                owner: message.payer.parse().map_err(unreadable)?,
                status,
                code: "",
                category: "bill",
                subject_type: "bill",
                subject_id: bill.into(),
            };
            Ok(app::notify::notify(tx, &state, &notice).await?)
        })
    }
}
