//! The driver: batches of kills and faults, each on a fresh database, topic and queue, each judged by itself.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

mod batch;
mod fault;
mod record;
mod servers;
mod slot;
mod world;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use rand::Rng as _;

use crate::roles::{Load, Role};
use batch::{Batch, End};
use record::Record;
use servers::Servers;

/// A quick run kills for so long; starting, coming to rest and stopping take the rest of its two minutes.
const QUICK: Duration = Duration::from_secs(70);
/// A batch of a full run ends when every role was killed so often, or after so long.
const BATCH_KILLS: u64 = 100;
const BATCH: Duration = Duration::from_secs(240);

/// What every run can be told.
#[derive(Clone, Debug, clap::Args)]
struct Common {
    /// Where ledgers, logs and the state are kept.
    #[arg(long)]
    dir: PathBuf,
    /// Choose kills and faults as an earlier run did.
    #[arg(long)]
    seed: Option<u64>,
}

impl Common {
    fn seed(&self) -> u64 {
        self.seed.unwrap_or_else(|| rand::rng().random_range(0..1_000_000))
    }
}

/// What `quick` can be told.
#[derive(Debug, clap::Args)]
pub struct Quick {
    #[command(flatten)]
    common: Common,
}

/// What `full` can be told.
#[derive(Debug, clap::Args)]
pub struct Full {
    #[command(flatten)]
    common: Common,
    /// Kills of each role.
    #[arg(long)]
    kills: u64,
    /// Gives up after so many minutes; what was done stays done.
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// Forget what an interrupted run has done.
    #[arg(long)]
    fresh: bool,
}

/// What `commits` can be told.
#[derive(Debug, clap::Args)]
pub struct Commits {
    #[command(flatten)]
    common: Common,
    /// Events.
    #[arg(long)]
    events: i64,
    /// Transactions at once.
    #[arg(long, default_value_t = 8)]
    writers: u32,
}

/// Kills and faults for two minutes; whether every promise was kept.
///
/// # Errors
/// When servers or processes cannot be handled.
pub async fn quick(args: &Quick) -> Result<bool> {
    let start = Instant::now();
    let mut record = Record::new(args.common.seed());
    let servers = prepare(&args.common.dir, record.seed).await?;
    let end = End { kills: None, within: QUICK };
    kill(&args.common.dir, &servers, &mut record, end).await?;
    println!("\n{}", record.table());
    println!(
        "two minutes of it, {:.0} s in all; `cargo xtask crash --full` for the figures",
        start.elapsed().as_secs_f64()
    );
    Ok(record.is_clean())
}

/// Kills and faults until every role was killed often enough; whether it was, and every promise was kept.
///
/// # Errors
/// When servers or processes cannot be handled.
pub async fn full(args: &Full) -> Result<bool> {
    let start = Instant::now();
    let file = args.common.dir.join("state.json");
    let found = if args.fresh { None } else { Record::load(&file)? };
    let mut record = match found {
        // A run that reached its end is not gone on with.
        Some(record) if !record.is_done(args.kills) => {
            println!("going on after batch {} of seed {}", record.batches, record.seed);
            record
        }
        _ => Record::new(args.common.seed()),
    };
    let servers = prepare(&args.common.dir, record.seed).await?;
    let deadline = Duration::from_secs(args.minutes * 60);
    while !record.is_done(args.kills) && record.is_clean() && start.elapsed() < deadline {
        let missing = Role::ALL.map(|role| args.kills.saturating_sub(record.kills(role)));
        let most = missing.into_iter().max().unwrap_or(0);
        let end = End { kills: Some(most.min(BATCH_KILLS)), within: BATCH };
        kill(&args.common.dir, &servers, &mut record, end).await?;
        record.save(&file)?;
        println!("{}", record.line());
    }
    println!("\n{}", record.table());
    if !record.is_done(args.kills) {
        println!("not done: fewer than {} kills of a role; run it again to go on", args.kills);
    }
    println!("this run: {:.1} minutes; state in {}", start.elapsed().as_secs_f64() / 60.0, file.display());
    Ok(record.is_clean() && record.is_done(args.kills))
}

async fn prepare(dir: &Path, seed: u64) -> Result<Servers> {
    std::fs::create_dir_all(dir)?;
    println!("seed {seed}; ledgers and logs in {}", dir.display());
    let servers = Servers::from_env()?;
    servers.make_proxies().await?;
    Ok(servers)
}

/// One batch of kills and faults.
async fn kill(dir: &Path, servers: &Servers, record: &mut Record, end: End) -> Result<()> {
    let seed = record.seed.wrapping_add(record.batches);
    let mut batch = Batch::start(&dir.join("batch"), servers, seed, Load::default()).await?;
    batch.kill(end).await?;
    batch.rest(Duration::from_secs(150)).await?;
    record.add(batch.finish().await?);
    Ok(())
}

/// Publishes many events whose transactions commit late and out of order; whether every promise was kept.
///
/// # Errors
/// When servers or processes cannot be handled.
pub async fn commits(args: &Commits) -> Result<bool> {
    let start = Instant::now();
    let mut record = Record::new(args.common.seed());
    let servers = prepare(&args.common.dir, record.seed).await?;
    let load = Load {
        writers: args.writers,
        keys: 512,
        steps: 16,
        pause_ms: 0,
        hold_ms: 20,
        job_every: 100,
        limit: Some(args.events),
    };
    let mut batch = Batch::start(&args.common.dir.join("commits"), &servers, record.seed, load).await?;
    let most = batch.produce().await?;
    let produced = start.elapsed();
    batch.rest(Duration::from_secs(3_600)).await?;
    let took = start.elapsed();
    record.add(batch.finish().await?);
    let verdict = record.verdict;
    println!("\n{} events of {} writers, committed after 0 to 20 ms", verdict.committed, args.writers);
    println!("  committed in {:.0} s, applied after {:.0} s", produced.as_secs_f64(), took.as_secs_f64());
    println!("  the table outbox never had more than {} dead rows and {} KiB", most.dead, most.kib);
    println!("  {} transactions acknowledged after one that had appended later", record.late);
    println!("{}", record.promises());
    Ok(record.is_clean())
}
