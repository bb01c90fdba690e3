//! What the workflows are told: topic `guildhall.work.v1`, keyed by the thing that they are to look at. Requests, not facts: each may
//! come again, late, and in any order, and who follows it reads how the thing stands.

use clock::Clock;
use ids::{BillRunId, PaymentId};
use pg::Tx;
use proto::payment::v1;
use topology::topics;

/// Asks for a payment to be advanced now.
///
/// # Errors
/// The database's.
pub async fn append_payment(tx: &mut Tx, clock: &Clock, id: PaymentId) -> Result<(), pg::Error> {
    let message = v1::PaymentWanted { payment_id: id.to_string() };
    let event = outbox::Event::new(topics::WORK, "guildhall.work.payment_wanted.v1", id, id, &message);
    outbox::append(tx, clock, event).await.map(drop)
}

/// Asks for a run to go on.
///
/// # Errors
/// The database's.
pub async fn append_run(tx: &mut Tx, clock: &Clock, id: BillRunId) -> Result<(), pg::Error> {
    let message = v1::BillRunWanted { run_id: id.to_string() };
    let event = outbox::Event::new(topics::WORK, "guildhall.work.bill_run_wanted.v1", id, id, &message);
    outbox::append(tx, clock, event).await.map(drop)
}
