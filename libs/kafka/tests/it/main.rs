//! Against real brokers.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod broker;
mod scram_tls;
