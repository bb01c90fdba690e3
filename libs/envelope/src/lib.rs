#![doc = include_str!("../README.md")]

mod cache;
mod cipher;
mod erase;
mod error;
mod keys;
pub mod kms;
mod rewrap;
mod store;

use sqlx::migrate::Migrator;

pub use erase::{bury, destroy, erase, erased_at, stay};
pub use error::Error;
pub use keys::{Envelope, Keys, Living, Wrapped};
pub use kms::{Kms, Settings};
pub use rewrap::Rewrapped;

/// The tables `subject_keys` and `erased_subjects`.
pub static MIGRATOR: Migrator = pg::migrator!("_migrations_envelope");
