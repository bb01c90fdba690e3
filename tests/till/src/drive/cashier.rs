//! Settlements: the provider closes its books every few seconds, and nobody waits for two hours after midnight.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::json;
use sqlx::PgConnection;
use time::Date;
use time::macros::format_description;

use super::provider::ACCOUNT;
use super::world::World;
use crate::role::Role;

/// How long a day lasts.
const DAY: Duration = Duration::from_secs(3);
/// Until when a day is settled at the latest; after that the next look is due.
const SETTLED: Duration = Duration::from_secs(20);
/// How often it is looked whether a day is settled.
const LOOK: Duration = Duration::from_millis(500);
/// Days that may be left when nothing is killed any more: each has what was charged after the one before was closed.
const LEFT: u32 = 10;

/// Closes one day after the other until everybody leaves.
pub(super) async fn run(world: Arc<World>) -> Result<()> {
    while world.is_killing() {
        tokio::time::sleep(DAY).await;
        let Some(day) = next_day(&world).await? else { continue };
        close(&world, &day).await?;
        // Every third report breaks off once: nothing of it may count.
        let breaks_off = world.record().settlements.is_multiple_of(3);
        if breaks_off {
            let fault = json!({ "operation": "get_settlement", "when": "after", "answer": "truncate" });
            world.provider.control("faults", fault).await?;
        }
        let (until, mut rows) = (Instant::now() + SETTLED, world.rows(Role::Payment).await);
        while Instant::now() < until {
            look(&mut rows).await?;
            tokio::time::sleep(LOOK).await;
            if next_day(&world).await? != Some(day.clone()) {
                world.record().settlements += 1;
                break;
            }
        }
    }
    Ok(())
}

/// Settles what is left, by the operator's command, until every line of the provider's books is in a report.
pub(super) async fn settle_all(world: &World) -> Result<()> {
    for _ in 0..LEFT {
        let Some(day) = next_day(world).await? else { return Ok(()) };
        let last = world.provider.entries().await?.into_iter().map(|(_, _, day)| day).max();
        if last.is_none_or(|last| last < day) {
            return Ok(());
        }
        close(world, &day).await?;
        let (_, said) = world.operate(&["settlement", "fetch", "--account", ACCOUNT]).await?;
        let settled = said.lines().filter(|line| line.contains("match")).count();
        world.record().settlements += u64::try_from(settled)?;
    }
    bail!("{LEFT} days were closed, and the provider's books are still not settled")
}

async fn close(world: &World, day: &str) -> Result<()> {
    world.provider.control(&format!("settlements/{ACCOUNT}/{day}/close"), json!({})).await
}

/// The day that is settled next; `None` before anything was charged.
async fn next_day(world: &World) -> Result<Option<String>> {
    let next: Option<Date> = sqlx::query_scalar("select next_day from settled_accounts where account = $1")
        .bind(ACCOUNT)
        .fetch_optional(&mut world.rows(Role::Payment).await)
        .await?;
    Ok(next.map(|day| day.format(format_description!("[year]-[month]-[day]"))).transpose()?)
}

/// Has it looked at now.
async fn look(rows: &mut PgConnection) -> Result<()> {
    let now = "update due set at = now(), claim = null
                where (tenant, kind, subject) in (select tenant, kind, subject from due
                       where kind = 'settlement' and at > now() + interval '1 second' for update skip locked)";
    sqlx::query(now).execute(rows).await?;
    Ok(())
}
