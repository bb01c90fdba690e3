#![doc = include_str!("../README.md")]

mod api;
mod append;
pub mod command;
mod error;
pub mod inspect;
mod prove;
mod seal;
mod store;
mod trail;
mod vault;
mod verify;

pub use api::{Api, server};
pub use append::append;
pub use error::{Broken, Error};
pub use prove::{Bounds, Proven, prove, prove_subjects};
pub use seal::Sealed;
pub use store::{Head, Row, StoredCheckpoint};
pub use trail::{Books, Trail};
pub use verify::{Report, Stretch};

use sqlx::migrate::Migrator;

/// The tables `audit_entries`, `audit_heads` and `audit_checkpoints`.
pub static MIGRATOR: Migrator = pg::migrator!("_migrations_audit");
