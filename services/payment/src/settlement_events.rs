//! What the world is told of settlements: topic `guildhall.payment.v1`, keyed by settlement, once each.

use clock::Clock;
use pg::Tx;
use proto::payment::v1;
use topology::topics;

use crate::domain::settlement::Settlement;
use crate::grpc::settlements::totals;

/// Appends that a day was settled.
pub async fn append(tx: &mut Tx, clock: &Clock, settlement: &Settlement) -> Result<(), pg::Error> {
    let message = v1::SettlementEvent {
        settlement_id: settlement.id.to_string(),
        account: settlement.account.to_string(),
        day: settlement.day.to_string(),
        matched: settlement.matched,
        unmatched: settlement.unmatched,
        totals: totals(settlement),
    };
    let (topic, event_type) = (topics::PAYMENT, "guildhall.payment.settlement_matched.v1");
    let event = outbox::Event::new(topic, event_type, settlement.id, settlement.id, &message);
    outbox::append(tx, clock, event).await?;
    Ok(())
}
