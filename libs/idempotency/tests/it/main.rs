//! Repeated calls on a real server, with a clock that stands still.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod catalog;
mod cut;
mod harness;
mod model;
mod races;
mod replay;
mod sweep;
