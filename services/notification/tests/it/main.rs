//! One binary for all tests that need servers.

mod claims;
mod consuming;
mod dead_letters;
mod documents;
mod erasures;
mod feeds;
mod harness;
mod money;
mod privacy;
mod process;
mod reading;
mod recipients;
mod reports;
mod tenants;
