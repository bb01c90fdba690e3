//! Against real servers: PostgreSQL, Kafka, versitygw, the document service, and identity providers of `sandbox/idp`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod callbacks;
mod cases;
mod checks;
mod circuits;
mod erasure;
mod harness;
mod process;
mod reviews;
mod tenancy;
