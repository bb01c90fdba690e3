//! Archives that somebody has altered.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod alterations;
mod sample;
