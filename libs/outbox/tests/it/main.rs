//! Against real servers: PostgreSQL, Kafka and SQS of `cargo xtask up --servers`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod append;
mod harness;
mod jobs;
mod leadership;
mod parking;
mod relay;
mod tracing;
mod upkeep;
