#![doc = include_str!("../README.md")]

mod append;
mod backlog;
mod dead_letters;
mod failpoint;
#[doc(hidden)]
pub mod flight;
mod leader;
mod metrics;
mod parking;
mod producer;
mod queue_lane;
mod ready;
mod relay;
mod table;
mod topic_lane;

use sqlx::migrate::Migrator;

pub use append::{Event, append, append_job};
pub use dead_letters::{Contents, DeadLetter, DeadLetters, Redriven, Selection};
pub use ready::{Waiting, relayed};
pub use relay::{Error, Relay};

/// The table `outbox`, for the `migrate` subcommand of every service that appends.
pub static MIGRATOR: Migrator = pg::migrator!("_migrations_outbox");
