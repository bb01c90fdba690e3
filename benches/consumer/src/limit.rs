//! The limit: the same rows from memory, in batches, without Kafka and without looking at what comes back.

use anyhow::Result;
use clock::Clock;
use ids::EventId;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use tokio::signal::unix::{SignalKind, signal};

use crate::topic::KEYS;
use crate::work::{Counters, var};

/// Events of one transaction.
const BATCH: usize = 1_000;
/// Connections; more gain nothing on two cores.
const CONNECTIONS: usize = 2;

/// How the rows of the inbox are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Statement {
    Insert,
    Copy,
}

struct Event {
    id: EventId,
    key: String,
    number: i64,
}

/// Writes `events` events of one tenant, then waits for SIGTERM.
pub(crate) async fn run(statement: Statement, events: usize) -> Result<()> {
    let options: PgConnectOptions = var("BENCH_DATABASE_URL")?.parse()?;
    let clock = Clock::system();
    let mut parts: Vec<Vec<Event>> = (0..CONNECTIONS).map(|_| Vec::new()).collect();
    for place in 0..events {
        let (key, turn) = (place % KEYS, place / KEYS + 1);
        let id = EventId::mint(&clock);
        let key_text = format!("018f5e3a-7c00-7000-8000-{key:012}");
        parts[key % CONNECTIONS].push(Event { id, key: key_text, number: i64::try_from(turn)? });
    }
    let mut writers = Vec::new();
    for part in parts {
        let connection = options.connect().await?;
        writers.push(tokio::spawn(write(statement, connection, part)));
    }
    for writer in writers {
        writer.await??;
    }
    // Its figures are read while it lives.
    signal(SignalKind::terminate())?.recv().await;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the limit is a plain client on a connection of its own")]
async fn write(statement: Statement, mut connection: PgConnection, events: Vec<Event>) -> Result<()> {
    for batch in events.chunks(BATCH) {
        let mut counters = Counters::default();
        for event in batch {
            counters.add("tenant-0", &event.key, event.number);
        }
        let mut tx = connection.begin().await?;
        match statement {
            Statement::Insert => insert(&mut tx, batch).await?,
            Statement::Copy => copy(&mut tx, batch).await?,
        }
        counters.write(&mut tx).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn insert(connection: &mut PgConnection, events: &[Event]) -> Result<()> {
    let ids: Vec<_> = events.iter().map(|event| event.id.as_uuid()).collect();
    sqlx::query(
        "insert into inbox (consumer_group, event_id, tenant, applied_at)
         select 'limit', event_id, 'tenant-0', now() from unnest($1::uuid[]) as event (event_id)",
    )
    .bind(ids)
    .execute(connection)
    .await?;
    Ok(())
}

async fn copy(connection: &mut PgConnection, events: &[Event]) -> Result<()> {
    let now: String = sqlx::query_scalar("select now()::text").fetch_one(&mut *connection).await?;
    let lines: String =
        events.iter().map(|event| format!("limit\t{}\ttenant-0\t{now}\n", event.id)).collect();
    let into = "copy inbox (consumer_group, event_id, tenant, applied_at) from stdin";
    let mut copy = connection.copy_in_raw(into).await?;
    copy.send(lines.as_bytes()).await?;
    copy.finish().await?;
    Ok(())
}
