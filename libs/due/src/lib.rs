#![doc = include_str!("../README.md")]

mod backoff;
mod metrics;
mod runner;
mod schedule;
mod store;

pub use runner::{Next, Row, Runner, Tick};
pub use schedule::{cancel, is_scheduled, schedule};

use sqlx::migrate::Migrator;

/// The table `due`.
pub static MIGRATOR: Migrator = pg::migrator!("_migrations_due");

/// Wakes the runner of the process when something was scheduled.
const WAKER: &str = "due";
