//! Due rows on a real server, with a clock that stands still.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod catalog;
mod fence;
mod harness;
mod retry;
mod run;
mod schedule;
mod slope;
