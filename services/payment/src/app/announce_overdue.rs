use clock::Clock;
use due::Next;
use ids::BillId;
use pg::Tx;

use crate::domain::BillEvent;
use crate::{Error, db, events};

/// Tells that a bill's day is over while something is owed: once, as the row is done with then.
pub async fn announce_overdue(tx: &mut Tx, clock: &Clock, id: BillId) -> Result<Next, Error> {
    let tenant = tx.tenant().clone();
    let Some(bill) = db::bills::lock(tx, &tenant, id).await? else { return Ok(Next::Done) };
    if bill.is_overdue(clock.now()) {
        events::append_bill(tx, clock, &bill, BillEvent::Overdue, None).await?;
    }
    Ok(Next::Done)
}
