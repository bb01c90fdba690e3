//! The service on real servers, with a provider that behaves as it is told.

mod bill_runs;
mod bills;
mod callbacks;
mod erasure;
mod harness;
mod ledger;
mod payments;
mod privacy;
mod process;
mod races;
mod refunds;
mod stripe;
mod tenancy;
