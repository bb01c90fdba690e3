//! The provider as its accounts, payers and tests see it: over HTTP alone.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod accounts;
mod cards;
mod checkout;
mod expiry;
mod faults;
mod harness;
mod idempotency;
mod money;
mod receiver;
mod refusals;
mod settlements;
mod state;
mod webhooks;
