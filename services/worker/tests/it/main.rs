//! The worker between real servers and the real services that own its jobs.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails its test, and says where")]

mod archives;
mod clamd;
mod dlq;
mod harness;
mod integrity;
mod large;
mod mail;
mod preview;
mod printer;
mod sandbox;
mod scan;
mod till;
mod trace;
mod workflows;
