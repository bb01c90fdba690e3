//! The providers as their accounts and tests see them: over HTTP alone.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod callbacks;
mod faults;
mod files;
mod harness;
mod kompass;
mod receiver;
mod refusals;
mod state;
mod veritas;
mod weather;
