//! Policies on a real database, through the service's own face.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod harness;
mod obeyed;
mod publish;
mod reads;
