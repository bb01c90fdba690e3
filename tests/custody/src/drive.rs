//! The driver: one world, killed until every service was killed often enough, brought to rest, reconciled and judged.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

mod books;
mod found;
mod people;
mod record;
mod tamper;
mod world;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::task::JoinSet;

use crate::plan::points;
use crate::role::Role;
use crate::verdict::Verdict;
use record::Record;
use testkit::place::{Death, Phase};
use world::{PLACES, World};

/// A quick run kills for so long; starting, coming to rest and judging take as long again.
const QUICK: Duration = Duration::from_secs(60);
/// Until nothing is on its way any more.
const REST: Duration = Duration::from_secs(300);
const REPORT: Duration = Duration::from_secs(15);
/// People at once.
const CITIZENS: u64 = 8;

/// What a run can be told.
#[derive(Debug, clap::Args)]
pub struct Run {
    /// Where logs are kept.
    #[arg(long)]
    dir: PathBuf,
    /// Choose kills and journeys as an earlier run did.
    #[arg(long)]
    seed: Option<u64>,
    /// Kills of each service, and until each point has had its share; without it a minute of it.
    #[arg(long)]
    kills: Option<u64>,
    /// Kills at each point at the least.
    #[arg(long, default_value_t = 2)]
    each: u64,
    /// Gives up killing after so many minutes.
    #[arg(long, default_value_t = 40)]
    minutes: u64,
}

/// Kills, heals, reconciles, judges; whether every promise was kept and the kills were as many as was asked.
///
/// # Errors
/// When servers or processes cannot be handled.
pub async fn run(args: &Run) -> Result<bool> {
    let seed = args.seed.unwrap_or_else(|| rand::rng().random_range(0..1_000_000));
    println!("seed {seed}; logs in {}", args.dir.display());
    let _ = fs::remove_dir_all(&args.dir);
    fs::create_dir_all(&args.dir).with_context(|| format!("cannot make {}", args.dir.display()))?;
    let world = Arc::new(World::make(&args.dir).await?);
    let start = Instant::now();

    let mut processes = JoinSet::new();
    for (place, number) in PLACES.into_iter().zip(0..) {
        let mut random = StdRng::seed_from_u64(seed.wrapping_mul(1_000).wrapping_add(number));
        let (world, phase) = (Arc::clone(&world), world.phase.subscribe());
        processes.spawn(async move {
            let died = |_| world.died(place.role);
            let choose = |deaths: &_| Some(Death::choose(points(place.role), deaths, &mut random));
            world.place(place).keep(phase, choose, died).await
        });
    }
    let mut people = JoinSet::new();
    for number in 0..CITIZENS {
        let random = StdRng::seed_from_u64(seed.wrapping_mul(1_000).wrapping_add(100 + number));
        people.spawn(people::live(Arc::clone(&world), number, random));
    }
    people.spawn(tamper::run(Arc::clone(&world), StdRng::seed_from_u64(seed)));

    let enough = |record: &Record| {
        args.kills.is_some_and(|kills| {
            Role::ALL.iter().all(|role| record.deaths(*role).are_enough(points(*role), kills, args.each))
        })
    };
    let within = if args.kills.is_some() { Duration::from_secs(args.minutes * 60) } else { QUICK };
    let mut next = Instant::now() + REPORT;
    while start.elapsed() < within && !enough(&world.record()) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        // Neither a place nor a person ends before it is told: without one of them nothing is shown.
        if let Some(ended) = processes.try_join_next().or_else(|| people.try_join_next()) {
            ended??;
            bail!("a place or a person has ended by itself");
        }
        if Instant::now() >= next {
            next += REPORT;
            println!("{:>5} s  {}", start.elapsed().as_secs(), world.record().line());
        }
    }
    let done = args.kills.is_none() || enough(&world.record());

    world.phase.send_replace(Phase::Leaving);
    while let Some(ended) = people.join_next().await {
        ended??;
    }
    world.phase.send_replace(Phase::Resting);
    println!("{:>5} s  nothing is killed any more; coming to rest", start.elapsed().as_secs());
    let rested = world.rest(REST).await?;
    world.phase.send_replace(Phase::Over);
    while let Some(ended) = processes.join_next().await {
        ended??;
    }
    if !rested {
        println!("not at rest after {} s; what is missing now counts as broken", REST.as_secs());
    }
    println!("\nreconcile, horizon 0 s");
    let first = world.reconcile().await?;
    println!("{}reconcile again", first.table);
    let second = world.reconcile().await?;
    println!("{}", second.table);

    let verdict = Verdict::on(&found::look(&world).await?);
    let mut record = world.record().clone();
    record.seconds = start.elapsed().as_secs_f64();
    println!("{}", record.table(seed, &verdict));
    let agreed = second.clean && second.table.contains("nothing");
    if !agreed {
        println!("the second pass of the reconciler has found something");
    }
    if !done {
        println!("not done: fewer kills than asked within {} minutes", args.minutes);
    }
    let clean = verdict.is_clean() && record.is_clean() && agreed && rested;
    println!("{}", if clean { "every promise was kept" } else { "NOT CLEAN" });
    Ok(clean && done)
}
