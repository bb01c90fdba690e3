//! Temporal away for a minute, while people go on paying.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rand::Rng as _;
use serde_json::json;
use testkit::Control;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

use super::calls::Caller;
use super::rest::rest;
use super::world::{About, World};
use super::{chance, end, keep, seed};
use crate::role::Role;

/// People who pay at once.
const PEOPLE: u64 = 8;
/// How long a payment may take that Temporal is there for.
const SOON: Duration = Duration::from_secs(240);
/// How long the backlog may take.
const DRAINED: Duration = Duration::from_secs(300);
const LOOK: Duration = Duration::from_millis(250);
const SERVER: &str = "temporal";
/// What the backlog is drained at, of the rate that was measured before, in hundredths.
const AT_LEAST: f64 = 0.8;

/// What a run without Temporal can be told.
#[derive(Debug, clap::Args)]
pub struct Outage {
    /// Where logs are kept.
    #[arg(long)]
    dir: PathBuf,
    /// Choose as an earlier run did.
    #[arg(long)]
    seed: Option<u64>,
    /// How long Temporal is away.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Payments begun in a second.
    #[arg(long, default_value_t = 2)]
    rate: u32,
}

/// What one initiation came to.
struct Begun {
    /// When it was answered.
    at: Instant,
    took: Duration,
    /// Its payment, or why there is none.
    payment: Result<String, String>,
}

/// People who begin to pay at a rate.
struct Load {
    begun: Arc<Mutex<Vec<Begun>>>,
    stop: watch::Sender<bool>,
    people: JoinSet<Result<()>>,
}

impl Outage {
    /// Measures, takes Temporal away, brings it back, and measures again.
    ///
    /// # Errors
    /// When servers or processes cannot be handled.
    pub async fn run(&self) -> Result<bool> {
        let seed = seed(self.seed, &self.dir);
        let world = Arc::new(World::make(About::Workflows, &self.dir).await?);
        let (worker, others): (Vec<_>, Vec<_>) =
            world.roles().iter().partition(|role| **role == Role::Worker);
        let serving = keep(&world, &others, seed, |_, _, _| None);
        for role in others {
            world.place(role).ready().await;
        }
        // Each is charged by the first step of its workflow, so that what is measured is steps and not waits.
        let paid = json!({
            "operation": "create_payment", "when": "after", "pay": psp::cards::NO_WEBHOOK, "times": 1_000_000,
        });
        world.provider.control("faults", paid).await?;
        // What workflows can do shows where as many wait for them as will after the outage.
        let backlog = self.rate * self.seconds;
        let burst = self.burst(&world, seed + 1, backlog).await?;
        println!("before: {} payments were begun and wait for the worker, which starts", burst.len());
        let load = self.load(&world, seed);
        let working = keep(&world, &worker, seed, |_, _, _| None);
        let before = Drain::of(&advanced(&world, &burst, SOON).await?);
        println!("        workflows took their first step for {}", before.text());
        let steady = load.stop().await?;

        println!("Temporal stops for {} s, {} payments/s go on", self.seconds, self.rate);
        let mut control = Control::connect().await?;
        let load = self.load(&world, seed + 2);
        control.stop(SERVER, "TERM").await?;
        let stopped = Instant::now();
        tokio::time::sleep(Duration::from_secs(self.seconds.into())).await;
        let away = load.stop().await?;
        // What was begun before it was gone is no backlog.
        let waiting: Vec<String> = ids(away.iter().filter(|begun| begun.at > stopped));
        let taken = first_steps(&world, &waiting).await?.len();
        let load = self.load(&world, seed + 3);
        control.start(SERVER).await?;
        let back = Instant::now();
        println!(
            "Temporal is back after {:.1} s; {} payments wait",
            stopped.elapsed().as_secs_f64(),
            waiting.len()
        );
        let steps = advanced(&world, &waiting, DRAINED).await?;
        let after = Drain::of(&steps);
        let first = steps.iter().min().map(|first| first.saturating_duration_since(back));
        let late = load.stop().await?;

        let rested = rest(&world, false).await?;
        let all: Vec<String> =
            [&steady, &away, &late].into_iter().flat_map(|of| ids(of.iter())).chain(burst).collect();
        let over = "select count(*) from payments where id = any($1::uuid[]) and status = 'completed'";
        let over: i64 =
            sqlx::query_scalar(over).bind(&all).fetch_one(&mut world.rows(Role::Payment).await).await?;
        let (right, ledger) = world.operate(&["ledger", "verify", "--tenant", super::world::TENANT]).await?;
        let charged = charged(&world).await?;
        end(&world, [serving, working]).await?;

        println!("\nseed {seed}");
        let failures = |of: &[Begun]| of.iter().filter(|begun| begun.payment.is_err()).count();
        for (when, of) in [("before", &steady), ("away", &away), ("back", &late)] {
            println!(
                "initiations {when:<7} {:>4}, failures {}, p50 {:.0} ms, p99 {:.0} ms",
                of.len(),
                failures(of),
                at(of, 50),
                at(of, 99)
            );
        }
        println!("without Temporal {taken} of {} took a step", waiting.len());
        println!("workflow rate before {}", before.text());
        println!(
            "backlog drained     {}, the first after {:.1} s",
            after.text(),
            first.unwrap_or_default().as_secs_f64()
        );
        let part = after.rate() / before.rate();
        println!("drained at {:.0} % of the rate before", part * 100.0);
        let lost = i64::try_from(all.len())? - over;
        println!("payments {}, lost {lost}, doubled {}", all.len(), charged);
        print!("{ledger}");
        let failed = failures(&steady) + failures(&away) + failures(&late);
        let drained = after.count == waiting.len() && part >= AT_LEAST;
        let clean = rested && right && lost == 0 && charged == 0 && failed == 0 && drained && taken == 0;
        println!("{}", if clean { "every promise was kept" } else { "NOT CLEAN" });
        Ok(clean)
    }

    /// So many payments as fast as they are answered.
    async fn burst(&self, world: &Arc<World>, seed: u64, count: u32) -> Result<Vec<String>> {
        let mut people = JoinSet::new();
        for number in 0..PEOPLE {
            let mut payer = payer(world, seed, 200 + number);
            let share = u64::from(count) / PEOPLE + u64::from(number < u64::from(count) % PEOPLE);
            people.spawn(async move {
                let mut begun = Vec::new();
                for _ in 0..share {
                    begun.push(payer.begin().await?);
                }
                anyhow::Ok(begun)
            });
        }
        let mut all = Vec::new();
        while let Some(begun) = people.join_next().await {
            all.extend(ids(begun??.iter()));
        }
        Ok(all)
    }

    /// People who begin to pay at the rate until they are told to stop.
    fn load(&self, world: &Arc<World>, seed: u64) -> Load {
        let (begun, stop) = (Arc::<Mutex<Vec<Begun>>>::default(), watch::Sender::new(false));
        let mut people = JoinSet::new();
        let every = Duration::from_secs(1) / self.rate;
        let (world, into, mut stopped) = (Arc::clone(world), Arc::clone(&begun), stop.subscribe());
        people.spawn(async move {
            let mut ticks = tokio::time::interval(every);
            let mut under_way = JoinSet::new();
            for number in 0.. {
                tokio::select! {
                    _ = ticks.tick() => {}
                    _ = stopped.wait_for(|stop| *stop) => break,
                }
                // Each is somebody else: who waits for an answer holds up nobody.
                let (mut payer, into) = (payer(&world, seed, 300 + number), Arc::clone(&into));
                under_way.spawn(async move {
                    let begun = payer.begin().await?;
                    into.lock().await.push(begun);
                    anyhow::Ok(())
                });
            }
            while let Some(done) = under_way.join_next().await {
                done??;
            }
            Ok(())
        });
        Load { begun, stop, people }
    }
}

impl Load {
    /// What they have begun, once all of it was answered.
    async fn stop(mut self) -> Result<Vec<Begun>> {
        self.stop.send_replace(true);
        while let Some(ended) = self.people.join_next().await {
            ended??;
        }
        Ok(std::mem::take(&mut *self.begun.lock().await))
    }
}

/// Somebody who owes.
struct Payer {
    caller: Caller,
    name: String,
}

fn payer(world: &Arc<World>, seed: u64, number: u64) -> Payer {
    Payer {
        caller: Caller { world: Arc::clone(world), random: chance(seed, number) },
        name: format!("payer-{number}"),
    }
}

impl Payer {
    /// Gets a bill and begins to pay it.
    async fn begin(&mut self) -> Result<Begun> {
        let reference = format!("{:016x}", self.caller.random.random::<u64>());
        let bill = self.caller.bill(&self.name, reference, 1_000).await?.context("a bill")?;
        let start = Instant::now();
        let begun = self.caller.initiate(&self.name, &bill).await?;
        let payment = begun.map(|payment| payment.payment_id).map_err(|error| error.to_string());
        Ok(Begun { at: Instant::now(), took: start.elapsed(), payment })
    }
}

fn ids<'b>(of: impl Iterator<Item = &'b Begun>) -> Vec<String> {
    of.filter_map(|begun| begun.payment.clone().ok()).collect()
}

/// A percentile of what initiations took, in milliseconds.
fn at(of: &[Begun], percent: usize) -> f64 {
    let mut took: Vec<Duration> = of.iter().map(|begun| begun.took).collect();
    took.sort_unstable();
    let index = (took.len() * percent).div_ceil(100).saturating_sub(1);
    took.get(index).map_or(0.0, |took| took.as_secs_f64() * 1_000.0)
}

/// How fast workflows took the first step of payments.
struct Drain {
    count: usize,
    took: Duration,
}

impl Drain {
    /// From the first to the last.
    fn of(steps: &[Instant]) -> Self {
        let took = steps.iter().max().zip(steps.iter().min()).map(|(last, first)| *last - *first);
        Self { count: steps.len(), took: took.unwrap_or_default() }
    }

    fn rate(&self) -> f64 {
        f64::from(u32::try_from(self.count).unwrap_or(u32::MAX)) / self.took.as_secs_f64().max(0.001)
    }

    fn text(&self) -> String {
        format!("{} payments in {:.1} s: {:.1}/s", self.count, self.took.as_secs_f64(), self.rate())
    }
}

/// Which of these payments have taken their first step: the provider was asked to make them.
async fn first_steps(world: &World, of: &[String]) -> Result<Vec<String>> {
    let taken = "select id::text from payments where id = any($1::uuid[]) and status <> 'initiated'";
    Ok(sqlx::query_scalar(taken).bind(of).fetch_all(&mut world.rows(Role::Payment).await).await?)
}

/// When each of these payments took its first step. Those that did not in time are missing.
async fn advanced(world: &World, of: &[String], within: Duration) -> Result<Vec<Instant>> {
    let (until, mut seen) = (Instant::now() + within, BTreeMap::new());
    while seen.len() < of.len() && Instant::now() < until {
        for id in first_steps(world, of).await? {
            seen.entry(id).or_insert_with(Instant::now);
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(seen.into_values().collect())
}

/// Bills that the provider has charged more than once.
async fn charged(world: &World) -> Result<usize> {
    let mut of_payment: BTreeMap<String, usize> = BTreeMap::new();
    for payment in world.provider.payments().await? {
        *of_payment.entry(payment.reference).or_default() += 1;
    }
    Ok(of_payment.values().filter(|count| **count > 1).count())
}
