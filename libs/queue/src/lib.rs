#![doc = include_str!("../README.md")]

mod consumer;
mod dead_letters;
mod error;
mod job;
mod message;
mod pause;
mod received;
mod settings;
mod sqs;

pub use consumer::Consumer;
pub use dead_letters::{DeadLetter, DeadLetters};
pub use error::{EntryError, Error};
pub use job::{Job, JobError};
pub use message::{Depth, Outgoing};
pub use received::{Failure, Received};
pub use settings::Settings;
pub use sqs::Sqs;

/// Name of the dead-letter queue of `queue`: `<queue>-dlq`.
#[must_use]
pub fn dead_letter_queue(queue: &str) -> String {
    format!("{queue}-dlq")
}
