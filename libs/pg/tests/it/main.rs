//! Pools, units of work, roles, migrations and the catalog, against a real server.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bootstrap;
mod calls;
mod cancel;
mod catalog;
mod commit;
mod connections;
mod harness;
mod migrate;
mod proxy;
mod settings;
mod tls;
mod unit;
