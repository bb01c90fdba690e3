//! The service on real servers, with a provider that behaves as it is told.

mod bill_runs;
mod bills;
mod callbacks;
mod disputes;
mod erasure;
mod harness;
mod ledger;
mod payments;
mod pdfs;
mod periods;
mod privacy;
mod process;
mod races;
mod refunds;
mod settlement;
mod stripe;
mod tenancy;
