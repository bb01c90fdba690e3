#![doc = include_str!("../README.md")]

/// A point at which the crash tests kill the process; nothing without the feature.
macro_rules! failpoint {
    ($name:literal) => {{
        #[cfg(feature = "failpoints")]
        fail::fail_point!($name);
    }};
}

mod apply;
mod assigned;
mod context;
mod dead_letters;
mod failure;
mod forward;
mod group;
mod handlers;
mod inbox;
mod item;
#[doc(hidden)]
pub mod lane;
mod metrics;
mod notes;
mod parked;
mod partition;
mod redrive;
mod retention;
mod tail;

use sqlx::migrate::Migrator;

pub use dead_letters::{DeadLetter, DeadLetters, Selection, Whose};
pub use failure::{BoxError, Failure};
pub use forward::{Forward, forward};
pub use inbox::{Inbox, inbox};
pub use kafka::CloudEvent;
pub use redrive::{Bounds, Redriven, Stopped};
pub use retention::{Forgotten, forget, forget_until};
pub use tail::{Tail, tail};

/// The tables `inbox` and `parked`, for the `migrate` subcommand of every service that consumes in inbox mode.
pub static MIGRATOR: Migrator = pg::migrator!("_migrations_consumer");

/// A consumer cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection to Kafka cannot be prepared.
    #[error("the consumer cannot prepare its connection to Kafka")]
    Connection(#[from] kafka::MskIamError),
    /// The client refuses its settings.
    #[error("the consumer's client refuses its settings")]
    Client(#[from] kafka::rdkafka::error::KafkaError),
}
