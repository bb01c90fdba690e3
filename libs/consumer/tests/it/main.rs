//! Against real servers: PostgreSQL and Kafka of `cargo xtask up --servers`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod batches;
mod forward;
mod harness;
mod inbox;
mod killed;
mod lane;
mod metrics;
mod outages;
mod parking;
mod rebalance;
mod redrive;
mod retention;
mod tail;
mod tracing;
mod wire;
