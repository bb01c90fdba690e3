//! From the commit until a consumer has the event, at a rate that waits for nobody.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bench_report::{Args, Report, Role, Sample, percentile};
use clock::Clock;
use outbox::Event;
use pg::Db;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::broker::{self, Reader};
use crate::contender::{Contender, Running};
use crate::drain::UNIT;
use crate::world::{KEYS, World};

const RATES: [u64; 2] = [200, 1_000];
/// Not measured: connections open, plans and caches are made.
const WARM_SECONDS: u64 = 4;
pub(crate) const OWN: &str = "outbox::Relay, appended by its own process";
pub(crate) const OTHER: &str = "outbox::Relay, appended by another process";

pub(crate) fn section(rate: u64) -> String {
    format!("Commit to consumer at {rate}/s")
}

pub(crate) fn rates() -> [u64; 2] {
    RATES
}

/// What a writer is told.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Writing {
    /// Events a second.
    #[arg(long, required = false)]
    rate: u64,
    #[arg(long, required = false)]
    seconds: u64,
    #[arg(long, required = false)]
    topic: String,
    /// Where the times of the commits go.
    #[arg(long, required = false)]
    pub(crate) commits: PathBuf,
}

/// When each event's transaction was known to be committed, in nanoseconds of the wall clock.
pub(crate) struct Times(HashMap<u64, i128>);

impl Times {
    pub(crate) fn save(&self, file: &Path) -> Result<()> {
        let mut text = String::new();
        for (number, time) in &self.0 {
            writeln!(text, "{number} {time}")?;
        }
        // Whoever waits for the file must not see half of it.
        let partial = file.with_extension("partial");
        std::fs::write(&partial, text)?;
        Ok(std::fs::rename(&partial, file)?)
    }

    fn load(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file)?;
        let line = |line: &str| {
            let (number, time) = line.split_once(' ').context("a time is cut short")?;
            Ok((number.parse()?, time.parse()?))
        };
        Ok(Self(text.lines().map(line).collect::<Result<_>>()?))
    }
}

/// Appends events 1, 2, … at a fixed rate, each in a transaction of its own, whether or not earlier ones are done.
pub(crate) async fn write(db: &Db, clock: &Clock, writing: &Writing) -> Result<Times> {
    let tenant: ids::Tenant = "riverton".parse().context("a tenant")?;
    let start = Instant::now();
    let mut appends = JoinSet::new();
    for number in 1..=writing.rate * writing.seconds {
        sleep_until(start + Duration::from_micros(number * 1_000_000 / writing.rate)).await;
        let (db, clock, tenant) = (db.clone(), clock.clone(), tenant.clone());
        let event = Event {
            topic: writing.topic.clone(),
            type_: "guildhall.document.ready.v1".to_owned(),
            subject: number.to_string(),
            key: format!("k{}", number % KEYS),
            dataschema: "proto:guildhall.document.v1.DocumentReady".to_owned(),
            payload: format!("{number:012}{}", "0123456789".repeat(50)).into_bytes(),
        };
        appends.spawn(async move {
            let appending = clock.clone();
            let append = db.tenant(&tenant, move |tx| {
                Box::pin(async move { outbox::append(tx, &appending, event).await })
            });
            append.await.map(|_| (number, clock.now().unix_timestamp_nanos()))
        });
    }
    let mut times = HashMap::new();
    while let Some(append) = appends.join_next().await {
        let (number, time) = append??;
        times.insert(number, time);
    }
    Ok(Times(times))
}

pub(crate) async fn measure(world: &World, report: &mut Report, args: Args) -> Result<()> {
    let seconds = WARM_SECONDS + args.pick(2, 6);
    for rate in RATES {
        for (name, contender, own) in [
            (OWN, Contender::Ours, true),
            (OTHER, Contender::Ours, false),
            (Contender::Debezium.name(), Contender::Debezium, false),
            (Contender::Naive.name(), Contender::Naive, false),
        ] {
            let role = if contender == Contender::Ours { Role::Ours } else { Role::Peer };
            report.add(&section(rate), name, role, UNIT, turn(world, contender, own, rate, seconds).await);
        }
    }
    Ok(())
}

async fn turn(world: &World, contender: Contender, own: bool, rate: u64, seconds: u64) -> Result<Sample> {
    let topic = world.topic(8).await?;
    contender.prepare(world).await?;
    // Event 0 tells when the relay is up.
    world.fill("fill", &topic, 1).await?;
    let commits = world.env.out.join("commits");
    let _ = std::fs::remove_file(&commits);
    let writing = Writing { rate, seconds, topic: topic.clone(), commits: commits.clone() };
    let more = [
        "--rate".to_owned(),
        rate.to_string(),
        "--seconds".to_owned(),
        seconds.to_string(),
        "--topic".to_owned(),
        topic.clone(),
        "--commits".to_owned(),
        commits.to_string_lossy().into_owned(),
    ];
    let reader = Reader::new(&world.env.brokers, &topic, 8)?;
    let relay = if own { contender.start_with(world, &more)? } else { contender.start(world)? };
    let outcome = observed(world, &relay, reader, own, &writing).await;
    let outcome = outcome.with_context(|| format!("see {}", relay.log.display()));
    let stopped = relay.stop().await;
    contender.clean(world).await?;
    broker::delete_topic(&world.env.brokers, &topic).await?;
    stopped.and(outcome)
}

async fn observed(
    world: &World,
    relay: &Running,
    reader: Reader,
    own: bool,
    writing: &Writing,
) -> Result<Sample> {
    reader.reaches(1, Duration::from_secs(60), relay).await?;
    let events = writing.rate * writing.seconds;
    let arriving = tokio::task::spawn_blocking(move || arrivals(&reader, events));
    let times = if own {
        let limit = Instant::now() + Duration::from_secs(writing.seconds + 30);
        while !writing.commits.exists() {
            ensure!(Instant::now() < limit, "the writer in the relay's process does not finish");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Times::load(&writing.commits)?
    } else {
        write(&world.db()?, &Clock::system(), writing).await?
    };
    let arrivals = arriving.await??;
    let mut latencies = Vec::new();
    for number in (writing.rate * WARM_SECONDS + 1)..=events {
        let (Some(committed), Some(arrived)) = (times.0.get(&number), arrivals.get(&number)) else {
            anyhow::bail!("event {number} was not published");
        };
        #[expect(clippy::cast_precision_loss, reason = "differences are milliseconds")]
        latencies.push((arrived - committed) as f64 / 1_000_000.0);
    }
    Ok(Sample {
        rss_mib: Some(relay.process().peak_mib()),
        p50_ms: percentile(&mut latencies, 50),
        p99_ms: percentile(&mut latencies, 99),
        ..Sample::default()
    })
}

/// When a consumer had each event.
fn arrivals(reader: &Reader, events: u64) -> Result<HashMap<u64, i128>> {
    let clock = Clock::system();
    reader.follow()?;
    let mut arrivals = HashMap::new();
    let mut waiting = events;
    while waiting > 0 {
        let Some(number) = reader.next(Duration::from_secs(20))? else {
            anyhow::bail!("{waiting} of {events} events did not arrive");
        };
        if number > 0 && arrivals.insert(number, clock.now().unix_timestamp_nanos()).is_none() {
            waiting -= 1;
        }
    }
    Ok(arrivals)
}
