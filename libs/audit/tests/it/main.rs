//! Against a real PostgreSQL and a real versitygw.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod alterations;
mod api;
mod chain;
mod harness;
mod sealing;
