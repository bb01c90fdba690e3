//! The journeys over the built services and the real servers.
//!
//! Starting a world takes seconds, so the tests share one, but for those that change its surroundings.

mod bad_input;
mod clients;
mod dead_letters;
mod erasure;
mod harness;
mod journey;
mod money;
mod outage;
mod page;
mod parts;
mod tenants;
mod trace;
