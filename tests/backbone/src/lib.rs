//! The event backbone under kills and faults: what `cargo xtask crash` runs.
//!
//! Three roles, each in processes of its own and built on the libraries alone ([`roles`]): producers count keys up and
//! append an event per step, relays publish, consumers apply. The driver ([`drive`]) kills them at named points and at
//! random moments, freezes them, restarts their servers and cuts their connections, and records which commits were
//! acknowledged ([`ledger`]). When everything has come to rest, [`verdict`] compares what was acknowledged and
//! committed with what was applied: each step of each key once, in order, and nothing that was rolled back.

pub mod drive;
pub mod ledger;
pub mod place;
pub mod plan;
pub mod roles;
pub mod verdict;

use sqlx::migrate::Migrator;

/// The tables `counters`, `jobs`, `applied` and `progress`.
pub static MIGRATOR: Migrator = pg::migrator!("_migrations_backbone");
