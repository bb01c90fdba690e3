//! Bringing everything to rest: payers, banks and the provider say their last word, and nobody waits for what is never to come.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use super::world::World;
use crate::role::Role;
use crate::verdict::told;

/// Until nothing is on its way any more.
const REST: Duration = Duration::from_secs(420);
/// How often what does not come to rest is helped.
const AGAIN: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(500);

/// Waits until nothing is on its way. Says whether it came to that.
pub(super) async fn rest(world: &World, everybody_told: bool) -> Result<bool> {
    world.provider.behave().await?;
    let end = Instant::now() + REST;
    let mut next = Instant::now();
    loop {
        let mut waiting = of_payments(world).await?;
        if waiting.is_empty() && everybody_told {
            waiting = of_notifications(world).await?;
        }
        if waiting.is_empty() {
            return Ok(true);
        }
        if Instant::now() >= next {
            next += AGAIN;
            println!("         {}", waiting.join(", "));
            decide(world).await?;
            // A claim whose answer was lost is nobody's.
            for role in Role::KILLED {
                world.died(role).await?;
            }
        }
        if Instant::now() >= end {
            return Ok(false);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Whatever a payer or a bank has still to say is said.
async fn decide(world: &World) -> Result<()> {
    let provider = &world.provider;
    provider.control("webhooks/deliver", json!({})).await?;
    for payment in provider.payments().await? {
        let said = match payment.state.as_str() {
            "created" => Some(("pay", json!({ "card": psp::cards::APPROVE }))),
            "challenged" => Some(("challenge", json!({ "approve": true }))),
            "processing" => Some(("resolve", json!({ "approve": true }))),
            _ => None,
        };
        if let Some((what, body)) = said {
            provider.control(&format!("payments/{}/{what}", payment.id), body).await?;
        }
        for refund in payment.refunds.iter().filter(|refund| refund.state == "pending") {
            provider.control(&format!("refunds/{}/resolve", refund.id), json!({ "succeed": true })).await?;
        }
        let open = |state: &str| matches!(state, "needs_response" | "under_review");
        for dispute in payment.disputes.iter().filter(|dispute| open(&dispute.state)) {
            provider.control(&format!("disputes/{}/resolve", dispute.id), json!({ "won": false })).await?;
        }
    }
    Ok(())
}

fn named(counts: &[(&str, i64)]) -> Vec<String> {
    counts.iter().filter(|(_, count)| *count > 0).map(|(what, count)| format!("{what} {count}")).collect()
}

async fn of_payments(world: &World) -> Result<Vec<String>> {
    let waiting = "select (select count(*) from payments where finished_at is null),
                          (select count(*) from refunds where finished_at is null),
                          (select count(*) from disputes where finished_at is null),
                          (select count(*) from due where kind in ('payment_step', 'bill_run')),
                          (select count(*) from outbox)";
    let (payments, refunds, disputes, due, outbox): (i64, i64, i64, i64, i64) =
        sqlx::query_as(waiting).fetch_one(&mut world.rows(Role::Payment).await).await?;
    Ok(named(&[
        ("payments under way", payments),
        ("refunds", refunds),
        ("disputes", disputes),
        ("due", due),
        ("outbox", outbox),
    ]))
}

async fn of_notifications(world: &World) -> Result<Vec<String>> {
    let mut events = 0;
    for topic in [topology::topics::BILLING, topology::topics::PAYMENT] {
        let mut ids = std::collections::BTreeSet::new();
        for record in world.kafka.records(topic).await {
            let event = kafka::CloudEvent::parse(&record)?;
            let name = event.type_.strip_prefix("guildhall.").and_then(|rest| rest.strip_suffix(".v1"));
            if name.and_then(told).is_some() {
                ids.insert(event.id.to_string());
            }
        }
        events += i64::try_from(ids.len())?;
    }
    let waiting = "select (select count(*) from notifications),
                          (select count(*) from deliveries where state in ('created', 'sending', 'temporary_failure')),
                          (select count(*) from outbox)";
    let (notifications, deliveries, outbox): (i64, i64, i64) =
        sqlx::query_as(waiting).fetch_one(&mut world.rows(Role::Notification).await).await?;
    Ok(named(&[("events not told", events - notifications), ("mails", deliveries), ("outbox", outbox)]))
}
