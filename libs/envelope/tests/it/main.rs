//! Sealing, erasing and rotating on a real server.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod aws;
mod catalog;
mod erasing;
mod harness;
mod rotating;
mod sealing;
