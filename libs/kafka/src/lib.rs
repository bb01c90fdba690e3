#![doc = include_str!("../README.md")]

mod apart;
mod connection;
mod event;
mod headers;
mod msk_iam;
mod record;
mod settings;

pub use apart::Apart;
pub use connection::Connection;
pub use event::{CloudEvent, DecodeError, dataschema};
pub use headers::{Malformed, Parts, Tracing};
pub use msk_iam::Error as MskIamError;
pub use record::Record;
pub use settings::{Security, Settings};

/// The client itself, so that a version of it is named in one place.
pub use rdkafka;

/// Name of the topic of poison that consumers without a database leave: `<topic>.worker.dlq`.
#[must_use]
pub fn dead_letter_topic(topic: &str) -> String {
    format!("{topic}.worker.dlq")
}
