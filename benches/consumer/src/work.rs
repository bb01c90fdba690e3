//! The programs under test that are ours, each a process of its own.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use clock::Clock;
use consumer::{CloudEvent, Failure};
use pg::{Db, Tx, Urls};
use secrecy::SecretString;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::topic::TYPE;

const COUNT: &str = "
    insert into counters as counter (tenant, key, n, first, last, disordered) values ($1, $2, 1, $3, $3, 0)
    on conflict (tenant, key) do update
    set n = counter.n + 1, first = excluded.first, last = excluded.last,
        disordered = counter.disordered + (excluded.first <> counter.last + 1)::int";
/// The same for many counters.
pub(crate) const COUNT_ALL: &str = "
    insert into counters as counter (tenant, key, n, first, last, disordered)
    select * from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
    on conflict (tenant, key) do update
    set n = counter.n + excluded.n, first = excluded.first, last = excluded.last,
        disordered = counter.disordered + excluded.disordered + (excluded.first <> counter.last + 1)::int";

/// Which of our two ways handles the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Way {
    /// A handler that is given one event.
    On,
    /// A handler that is given what follows each other.
    OnBatch,
}

/// Consumes until SIGTERM.
pub(crate) async fn run(way: Way) -> Result<()> {
    let urls = Urls {
        app: secret("BENCH_DATABASE_URL")?,
        system: secret("BENCH_SYSTEM_URL")?,
        owner: secret("BENCH_SYSTEM_URL")?,
    };
    let db = Db::connect(&pg::Settings::from_urls(urls), "bench")?;
    let mut kafka = kafka::Settings::plaintext(var("BENCH_BROKERS")?, "");
    kafka.instance_id = Some(var("BENCH_INSTANCE")?);
    let (group, topic) = (var("BENCH_GROUP")?, var("BENCH_TOPIC")?);
    let inbox = consumer::inbox(&db, &kafka, &Clock::system(), &group, &[&topic])?;
    let inbox = match way {
        Way::On => inbox.on(TYPE, |tx, event| Box::pin(count(tx, event))),
        Way::OnBatch => inbox.on_batch(TYPE, |tx, events| Box::pin(count_all(tx, events))),
    };
    let shutdown = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = shutdown.clone();
    tokio::spawn(async move {
        terminate.recv().await;
        stop.cancel();
    });
    inbox.run(shutdown).await;
    Ok(())
}

async fn count(tx: &mut Tx, event: &CloudEvent) -> Result<(), Failure> {
    let number = number(event)?;
    let count = sqlx::query(COUNT).bind(event.tenant.as_str()).bind(&event.key).bind(number);
    count.execute(&mut **tx).await?;
    Ok(())
}

async fn count_all(tx: &mut Tx, events: &[&CloudEvent]) -> Result<(), Failure> {
    let mut counters = Counters::default();
    for event in events {
        counters.add(event.tenant.as_str(), &event.key, number(event)?);
    }
    counters.write(tx).await?;
    Ok(())
}

fn number(event: &CloudEvent) -> Result<i64, Failure> {
    let number = event.payload.first_chunk().map(|bytes| i64::from_be_bytes(*bytes));
    number.ok_or_else(|| Failure::poison("NOT_NUMBERED", "the payload is too short"))
}

/// What a batch adds, by key.
#[derive(Default)]
pub(crate) struct Counters<'e> {
    places: HashMap<&'e str, usize>,
    tenants: Vec<&'e str>,
    keys: Vec<&'e str>,
    n: Vec<i64>,
    first: Vec<i64>,
    last: Vec<i64>,
    disordered: Vec<i64>,
}

impl<'e> Counters<'e> {
    pub(crate) fn add(&mut self, tenant: &'e str, key: &'e str, number: i64) {
        let place = *self.places.entry(key).or_insert(self.keys.len());
        if place == self.keys.len() {
            self.tenants.push(tenant);
            self.keys.push(key);
            self.n.push(1);
            self.first.push(number);
            self.last.push(number);
            self.disordered.push(0);
            return;
        }
        self.disordered[place] += i64::from(number != self.last[place] + 1);
        self.n[place] += 1;
        self.last[place] = number;
    }

    pub(crate) async fn write(&self, connection: &mut sqlx::PgConnection) -> Result<(), sqlx::Error> {
        let count = sqlx::query(COUNT_ALL)
            .bind(&self.tenants)
            .bind(&self.keys)
            .bind(&self.n)
            .bind(&self.first)
            .bind(&self.last)
            .bind(&self.disordered);
        count.execute(connection).await?;
        Ok(())
    }
}

pub(crate) fn var(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| format!("{name} is not set"))
}

fn secret(name: &str) -> Result<SecretString> {
    Ok(var(name)?.into())
}
