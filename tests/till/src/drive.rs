//! The driver: one world, killed until every service was killed often enough, brought to rest, and judged.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

mod bills;
mod calls;
mod cashier;
mod gather;
mod outage;
mod people;
mod provider;
mod record;
mod rest;
mod script;
mod world;

pub use bills::Run;
pub use outage::Outage;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use testkit::place::{Death, Deaths, Phase};
use tokio::task::JoinSet;

use crate::plan::points;
use crate::role::Role;
use crate::verdict::{Promise, Verdict};
use record::SHOWN;
use world::{About, World};

/// A quick run kills for so long; starting, coming to rest and judging take as long again.
const QUICK: Duration = Duration::from_secs(90);
const REPORT: Duration = Duration::from_secs(15);
/// People at once.
const PEOPLE: u64 = 12;

/// What a run under kills can be told.
#[derive(Debug, clap::Args)]
pub struct Matrix {
    /// Where logs are kept.
    #[arg(long)]
    dir: PathBuf,
    /// Choose kills and payments as an earlier run did.
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

impl Matrix {
    /// Kills, heals, judges; whether every promise was kept and the kills were as many as was asked.
    ///
    /// # Errors
    /// When servers or processes cannot be handled.
    pub async fn run(&self) -> Result<bool> {
        let seed = seed(self.seed, &self.dir);
        let world = Arc::new(World::make(About::Payments, &self.dir).await?);
        let start = Instant::now();
        let mut processes = keep(&world, world.roles(), seed, |role, deaths, random| {
            Role::KILLED.contains(&role).then(|| Death::choose(points(role), deaths, random))
        });
        let mut people = JoinSet::new();
        for number in 0..PEOPLE {
            people.spawn(people::live(Arc::clone(&world), number, chance(seed, 100 + number)));
        }
        people.spawn(cashier::run(Arc::clone(&world)));

        let enough = || {
            self.kills.is_some_and(|kills| {
                let killed = |role: &Role| world.deaths(*role).are_enough(points(*role), kills, self.each);
                Role::KILLED.iter().all(killed) && world.record().unplayed().is_empty()
            })
        };
        let within = if self.kills.is_some() { Duration::from_secs(self.minutes * 60) } else { QUICK };
        let mut next = Instant::now() + REPORT;
        while start.elapsed() < within && !enough() {
            tokio::time::sleep(Duration::from_millis(100)).await;
            // Neither a place nor a person ends before it is told: without one of them nothing is shown.
            if let Some(ended) = processes.try_join_next().or_else(|| people.try_join_next()) {
                ended??;
                bail!("a place or a person has ended by itself");
            }
            if Instant::now() >= next {
                next += REPORT;
                println!("{:>5} s  {}", start.elapsed().as_secs(), line(&world));
            }
        }
        let done = self.kills.is_none() || enough();

        world.phase.send_replace(Phase::Leaving);
        println!("{:>5} s  {}; nothing is killed any more", start.elapsed().as_secs(), line(&world));
        world.provider.behave().await?;
        while let Some(ended) = people.join_next().await {
            ended??;
        }
        println!("{:>5} s  people have left; coming to rest", start.elapsed().as_secs());
        let rested = rest::rest(&world, true).await?;
        if !rested {
            println!("not at rest: what is missing now counts as broken");
        }
        cashier::settle_all(&world).await?;
        // What was settled is told too.
        let rested = rested && rest::rest(&world, true).await?;
        println!("{:>5} s  at rest: {rested}; comparing", start.elapsed().as_secs());
        let verdict = Verdict::on(&gather::look(&world, PEOPLE).await?);
        end(&world, [processes]).await?;
        println!("{}", summary(&world, seed, start.elapsed(), &verdict));
        let unexpected = world.roles().iter().any(|role| world.deaths(*role).unexpected() > 0);
        let clean = verdict.is_clean() && world.record().faults.is_empty() && rested && !unexpected;
        println!("{}", if clean { "every promise was kept" } else { "NOT CLEAN" });
        if !done {
            for role in Role::KILLED {
                for point in world.deaths(role).never(points(role), self.each) {
                    println!("not done: {role} died at {point} fewer than {} times", self.each);
                }
            }
            println!("not done: less than was asked for within {} minutes", self.minutes);
        }
        Ok(clean && done)
    }
}

/// The seed of a run, which its first line tells.
fn seed(given: Option<u64>, dir: &std::path::Path) -> u64 {
    let seed = given.unwrap_or_else(|| rand::rng().random_range(0..1_000_000));
    println!("seed {seed}; logs in {}", dir.display());
    seed
}

fn chance(seed: u64, whose: u64) -> StdRng {
    StdRng::seed_from_u64(seed.wrapping_mul(1_000).wrapping_add(whose))
}

/// Keeps a process of each of these services running, of which each dies as `choose` says.
fn keep(
    world: &Arc<World>,
    roles: &[Role],
    seed: u64,
    choose: impl Fn(Role, &Deaths, &mut StdRng) -> Option<Death> + Clone + Send + Sync + 'static,
) -> JoinSet<Result<()>> {
    let mut processes = JoinSet::new();
    for (role, number) in roles.iter().copied().zip(0..) {
        let (world, phase) = (Arc::clone(world), world.phase.subscribe());
        let (choose, mut random) = (choose.clone(), chance(seed, number));
        processes.spawn(async move {
            let place = world.place(role);
            let died = |how: String| {
                let world = &world;
                async move {
                    world.record().died(&how);
                    world.died(role).await
                }
            };
            place.keep(phase, |deaths| choose(role, deaths, &mut random), died).await
        });
    }
    processes
}

/// Has every process end.
async fn end(world: &World, processes: impl IntoIterator<Item = JoinSet<Result<()>>>) -> Result<()> {
    world.phase.send_replace(Phase::Over);
    for mut processes in processes {
        while let Some(ended) = processes.join_next().await {
            ended??;
        }
    }
    Ok(())
}

/// How far a run is.
fn line(world: &World) -> String {
    let kills = Role::KILLED.map(|role| world.deaths(role).line(role.name(), points(role)));
    let record = world.record();
    format!(
        "kills: {}; payments {}, scripts not yet {}, days settled {}, faults {}",
        kills.join(", "),
        record.all(),
        record.unplayed().len(),
        record.settlements,
        record.faults.len()
    )
}

fn summary(world: &World, seed: u64, took: Duration, verdict: &Verdict) -> String {
    let mut lines = vec![format!("\nseed {seed}, {:.0} s\n", took.as_secs_f64())];
    for role in Role::KILLED {
        lines.push(world.deaths(role).table(role.name(), points(role)));
    }
    let names: Vec<&str> =
        Role::KILLED.iter().flat_map(|role| points(*role)).map(|(name, _)| *name).collect();
    let record = world.record();
    lines.push(record.table(&names));
    lines.push("compared".to_owned());
    lines.extend(verdict.compared.iter().map(|(what, count)| format!("  {what:<44} {count:>6}")));
    lines.push(format!("  {:<44} {:>6}\n", "days settled", record.settlements));
    for promise in Promise::ALL {
        let cases = verdict.broken.get(&promise).map(Vec::as_slice).unwrap_or_default();
        lines.push(format!("{:<46} {:>6}", promise.broken(), cases.len()));
        lines.extend(cases.iter().take(SHOWN).map(|case| format!("    {case}")));
    }
    lines.push(format!("{:<46} {:>6}", "wrong: calls answered wrongly, or never", record.faults.len()));
    lines.extend(record.faults.iter().take(SHOWN).map(|fault| format!("    {fault}")));
    lines.join("\n")
}
