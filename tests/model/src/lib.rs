//! A deterministic model of the event backbone: the relay's decisions ([`outbox::flight`]) and the consumer's
//! ([`consumer::lane`]), the very code that runs in the services, over a simulated table, brokers and group. One seed is
//! one run, for ever the same: writers commit late, processes die, stop and wake, producers die with a part delivered,
//! the database goes away, partitions move, events are parked and redriven.
//!
//! After every step: no effect twice, none before an earlier one of its key. Once all is well again: nothing lost,
//! nothing left behind. `tests/it` runs the seeds.

mod broker;
mod database;
mod group;
mod relay;
mod rng;
mod world;

use rng::Rng;
use world::{Conditions, World};

/// A defect to build in, which the model must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// The relay reads what is above the highest number that it has handed over.
    HighWaterMark,
    /// The relay deletes rows when it hands them over.
    DeletedWhenHanded,
    /// The producer goes on after a record that was refused.
    GapAfterRefusal,
    /// Offsets are stored before the transaction has committed.
    OffsetFirst,
    /// Handlers run without a look at the inbox.
    NotNoted,
    /// Events of a parked key are applied.
    ParkedKeyGoesOn,
}

impl Mutation {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::HighWaterMark,
        Self::DeletedWhenHanded,
        Self::GapAfterRefusal,
        Self::OffsetFirst,
        Self::NotNoted,
        Self::ParkedKeyGoesOn,
    ];
}

/// How often what happened, over many runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Effects.
    pub events: u64,
    /// Arrivals of events that had been applied or parked before.
    pub repeated: usize,
    /// Records of dead producers that arrived all the same.
    pub late: usize,
    /// Producers that died with records under way.
    pub dead_producers: usize,
    /// Processes that died.
    pub crashes: usize,
    /// Relays that took over from one that went on for a while.
    pub takeovers: usize,
    /// Times the database went away.
    pub outages: usize,
    /// Partitions that moved.
    pub rebalances: usize,
    /// Rows of the outbox that an operator found parked.
    pub parked_rows: usize,
    /// Events that an operator found parked at the consumer.
    pub parked_events: usize,
}

impl std::ops::AddAssign for Seen {
    fn add_assign(&mut self, other: Self) {
        self.events += other.events;
        self.repeated += other.repeated;
        self.late += other.late;
        self.dead_producers += other.dead_producers;
        self.crashes += other.crashes;
        self.takeovers += other.takeovers;
        self.outages += other.outages;
        self.rebalances += other.rebalances;
        self.parked_rows += other.parked_rows;
        self.parked_events += other.parked_events;
    }
}

/// A run that broke a promise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("seed {seed}: {what}\nthe {} steps that are enough:\n  {}", trace.len(), trace.join("\n  "))]
pub struct Failure {
    /// What to give to [`run`] to see it again.
    pub seed: u64,
    /// The promise.
    pub what: String,
    /// The fewest steps found that break it.
    pub trace: Vec<String>,
}

/// The run of a seed.
///
/// # Errors
/// The broken promise, with as few steps as were found to break it.
pub fn run(seed: u64, mutation: Option<Mutation>) -> Result<Seen, Box<Failure>> {
    let mut rng = Rng::new(seed);
    let conditions = Conditions::of(&mut rng, mutation);
    let count = rng.between(50, 1_000);
    let steps: Vec<u64> = (0..count).map(|_| rng.next()).collect();
    let first = match play(&conditions, &steps, false).0 {
        Ok(seen) => return Ok(seen),
        Err(what) => what,
    };
    let steps = shrink(&conditions, steps);
    let (outcome, trace) = play(&conditions, &steps, true);
    Err(Box::new(Failure { seed, what: outcome.err().unwrap_or(first), trace }))
}

fn play(conditions: &Conditions, steps: &[u64], traced: bool) -> (Result<Seen, String>, Vec<String>) {
    let mut world = World::new(conditions.clone(), traced);
    let outcome = steps.iter().try_for_each(|choice| world.step(*choice)).and_then(|()| world.settle());
    (outcome.map(|()| world.seen), world.trace.unwrap_or_default())
}

/// Leaves out steps, many at a time and then one by one, as long as some promise is still broken.
fn shrink(conditions: &Conditions, mut steps: Vec<u64>) -> Vec<u64> {
    let mut size = steps.len() / 2;
    while size > 0 {
        let mut at = 0;
        while at < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(at..(at + size).min(steps.len()));
            if play(conditions, &fewer, false).0.is_err() {
                steps = fewer;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    steps
}
