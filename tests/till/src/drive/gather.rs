//! Everything a run has left, read from where it is, past the services.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use kafka::CloudEvent;
use proto::payment::v1;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use topology::topics;

use super::calls::Caller;
use super::people;
use super::provider::ACCOUNT;
use super::world::{TENANT, World};
use crate::found::{Bill, Delivery, Dispute, Event, Found, Line, Payment, Refund, Told};
use crate::role::Role;

/// What the provider, the databases, the topics, the feeds of so many payers and the mail catcher have.
pub(super) async fn look(world: &Arc<World>, payers: u64) -> Result<Found> {
    let at_provider = world.provider.payments().await?;
    let mut found = Found { acknowledged: world.acknowledged().clone(), at_provider, ..Found::default() };
    found.entries = world.provider.entries().await?.into_iter().map(|(id, amount, _)| (id, amount)).collect();
    rows(world, &mut found).await?;
    settled(world, &mut found).await?;
    let (clean, said) = world.operate(&["ledger", "verify", "--tenant", TENANT]).await?;
    found.ledger = (!clean).then_some(said);
    for topic in [topics::BILLING, topics::PAYMENT] {
        for record in world.kafka.records(topic).await {
            found.events.extend(event(&CloudEvent::parse(&record)?)?);
        }
    }
    told(world, &mut found, payers).await?;
    Ok(found)
}

async fn rows(world: &World, found: &mut Found) -> Result<()> {
    let mut db = world.rows(Role::Payment).await;
    let bills: Vec<(String, String, i64, i64)> =
        sqlx::query_as("select id::text, status, total, paid from bills").fetch_all(&mut db).await?;
    found.bills =
        bills.into_iter().map(|(id, status, total, paid)| (id, Bill { status, total, paid })).collect();

    type Columns = (String, String, String, Option<String>, i64, i64, i64, i64, Option<String>);
    let payments = "select id::text, bill_id::text, status, failure, captured, refunded, refunding, disputed, contradiction
                      from payments";
    let payments: Vec<Columns> = sqlx::query_as(payments).fetch_all(&mut db).await?;
    for (id, bill, status, failure, captured, refunded, refunding, disputed, contradiction) in payments {
        let payment =
            Payment { bill, status, failure, captured, refunded, refunding, disputed, contradiction };
        found.payments.insert(id, payment);
    }
    let refunds = "select id::text, payment_id::text, amount, status from refunds";
    let refunds: Vec<(String, String, i64, String)> = sqlx::query_as(refunds).fetch_all(&mut db).await?;
    for (id, payment, amount, status) in refunds {
        found.refunds.insert(id, Refund { payment, amount, status });
    }
    let disputes = "select provider_id, payment_id::text, amount, status from disputes";
    let disputes: Vec<(String, String, i64, String)> = sqlx::query_as(disputes).fetch_all(&mut db).await?;
    for (id, payment, amount, status) in disputes {
        found.disputes.insert(id, Dispute { payment, amount, status });
    }
    for role in [Role::Payment, Role::Notification] {
        let parked: i64 =
            sqlx::query_scalar("select count(*) from parked").fetch_one(&mut world.rows(role).await).await?;
        found.parked += parked;
    }
    Ok(())
}

async fn settled(world: &World, found: &mut Found) -> Result<()> {
    let mut db = world.rows(Role::Payment).await;
    type Columns = (String, String, Option<String>, Option<String>, Option<i64>);
    let lines = "select kind, status, provider_line, subject_id::text, reported from settlement_lines";
    let lines: Vec<Columns> = sqlx::query_as(lines).fetch_all(&mut db).await?;
    for (kind, status, provider_line, subject, reported) in lines {
        found.lines.push(Line { kind, status, provider_line, subject, reported });
    }
    let balances = "select a.kind, coalesce(sum(p.amount), 0)::bigint from ledger_accounts a
                      join ledger_postings p on (p.tenant, p.account_id) = (a.tenant, a.id)
                     where a.kind in ('bank', 'suspense') or a.owner = $1 group by a.kind";
    let balances: Vec<(String, i64)> = sqlx::query_as(balances).bind(ACCOUNT).fetch_all(&mut db).await?;
    found.balances = balances.into_iter().collect();
    Ok(())
}

/// An event of a bill, a payment or a refund; `None` for others.
fn event(event: &CloudEvent) -> Result<Option<Event>> {
    let name = event.type_.strip_prefix("guildhall.").and_then(|rest| rest.strip_suffix(".v1"));
    let name = name.with_context(|| format!("no event of ours: {}", event.type_))?;
    let payer = match name {
        name if name.starts_with("billing.bill_") => event.decode::<v1::BillEvent>()?.payer,
        name if name.starts_with("payment.refund_") => event.decode::<v1::RefundEvent>()?.payer,
        name if name.starts_with("payment.dispute_") => event.decode::<v1::DisputeEvent>()?.payer,
        name if name.starts_with("payment.settlement_") => return Ok(None),
        name if name.starts_with("payment.") => event.decode::<v1::PaymentEvent>()?.payer,
        _ => return Ok(None),
    };
    Ok(Some(Event {
        id: event.id.to_string(),
        name: name.to_owned(),
        key: event.key.clone(),
        payer,
        payload: event.payload.clone(),
    }))
}

async fn told(world: &Arc<World>, found: &mut Found, payers: u64) -> Result<()> {
    let mut caller = Caller { world: Arc::clone(world), random: StdRng::seed_from_u64(0) };
    for number in 0..payers {
        let payer = people::name(number);
        let feed = caller.feed(&payer).await?.into_iter();
        let feed = feed.map(|item| Told { seq: item.seq, status: item.status, subject: item.subject_id });
        found.feeds.insert(payer, feed.collect());
    }
    let deliveries = "select n.event_id::text, d.id::text, d.state from notifications n
                        join deliveries d on d.notification_id = n.id";
    let deliveries: Vec<(String, String, String)> =
        sqlx::query_as(deliveries).fetch_all(&mut world.rows(Role::Notification).await).await?;
    let mut mails: BTreeMap<String, usize> = BTreeMap::new();
    for mail in testkit::mailbox().all().await? {
        *mails.entry(mail.message_id().to_owned()).or_default() += 1;
    }
    for (event, id, state) in deliveries {
        let mails = mails.get(&format!("<{id}@guildhall.local>")).copied().unwrap_or(0);
        found.deliveries.insert(event, Delivery { state, mails });
    }
    Ok(())
}
