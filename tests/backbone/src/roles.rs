//! The three roles, each a process.

mod consumer;
mod producer;
mod relay;
mod say;

use std::fmt;

use ::consumer::BoxError;
use anyhow::Result;
use clap::ValueEnum;
use failpoint::CrashAt;
use ids::Tenant;
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::place::Place;

pub use producer::Load;
pub use say::Said;

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Commits steps with their events.
    Producer,
    /// Publishes.
    Relay,
    /// Applies.
    Consumer,
}

impl Role {
    /// All, in the direction of the facts.
    pub const ALL: [Self; 3] = [Self::Producer, Self::Relay, Self::Consumer];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Producer => "producer",
            Self::Relay => "relay",
            Self::Consumer => "consumer",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How one process of a role is started.
#[derive(Clone, Debug, clap::Args)]
pub struct Start {
    /// What it does.
    #[arg(value_enum)]
    pub role: Role,
    /// Its name: the same one after a restart.
    #[arg(long)]
    pub instance: String,
    /// Where it kills itself, as `<point>=<count>`.
    #[arg(long)]
    pub crash_at: Option<CrashAt>,
    /// How a producer works.
    #[command(flatten)]
    pub load: Load,
}

/// Runs a role until SIGTERM, or its end.
///
/// # Errors
/// When it cannot start; whatever is away later is waited for.
pub async fn run(start: &Start) -> Result<()> {
    let place = Place::from_env()?;
    // Nobody else would end this process, stopped or not, if the driver is killed.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    let shutdown = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = shutdown.clone();
    tokio::spawn(async move {
        terminate.recv().await;
        stop.cancel();
    });
    if start.role == Role::Relay {
        relay::tell_of_work(start.crash_at.as_ref())?;
    }
    if let Some(crash_at) = &start.crash_at {
        failpoint::arm(crash_at)?;
    }
    match start.role {
        Role::Producer => producer::run(&place, start, shutdown).await,
        Role::Relay => relay::run(&place, shutdown).await,
        Role::Consumer => consumer::run(&place, &start.instance, shutdown).await,
    }
}

/// The keys of a run: their tenants take turns.
///
/// # Errors
/// Never, as long as the names here are names of tenants.
pub fn key(number: u32) -> Result<(Tenant, String), ids::Error> {
    let tenant = if number.is_multiple_of(2) { "riverton" } else { "lakeside" };
    Ok((tenant.parse()?, format!("key-{number}")))
}

/// What a step's event carries.
fn payload(key: &str, n: i64) -> Vec<u8> {
    format!("{key} {n}").into_bytes()
}

/// Reads it.
fn step(payload: &[u8]) -> Result<(String, i64), BoxError> {
    let text = std::str::from_utf8(payload)?;
    let (key, n) = text.split_once(' ').ok_or("not a step")?;
    Ok((key.to_owned(), n.parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_reads_back_as_it_was_written() {
        assert_eq!(step(&payload("key-7", 12)).unwrap(), ("key-7".to_owned(), 12));
        assert!(step(b"nonsense").is_err());
    }
}
