#![doc = include_str!("../README.md")]

mod error;
mod key;
mod run;
mod scope;
mod store;
mod sweep;

pub use error::Error;
pub use key::{Key, METADATA};
pub use run::{Outcome, REPLAYED, run};
pub use scope::Scope;
pub use sweep::{sweep, sweep_until};

use sqlx::migrate::Migrator;
use time::Duration;

/// The table `idempotency`.
pub static MIGRATOR: Migrator = pg::migrator!("_migrations_idempotency");

/// How long the answer of a call is kept.
pub const KEEP: Duration = Duration::hours(24);

/// How long the answer of a call that moves money is kept.
pub const KEEP_PAYMENT: Duration = Duration::days(30);
