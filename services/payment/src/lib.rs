//! The payment service: what people owe, what they have paid, and the books that say so.
//!
//! Staff write bills; whoever owes one pays it at a payment provider, and the office gives money back. Each thing that happens to
//! money is an entry of a double-entry ledger.
//!
//! What has to hold, whoever calls and whatever dies:
//!
//! - A bill has one payment under way. While nobody knows what became of that, it cannot be paid again.
//! - The provider's own record says how a payment or a refund ended, and nothing else does ([`domain::payment`]): callbacks make us
//!   look, and their order and number do not matter. Keys at the provider are our ids: asking twice charges once.
//! - What is given back is never more than what was charged, whoever asks at once: it is taken from what is available when it is asked for.
//! - What changes a bill or a payment posts to the ledger in the same transaction. Entries come to zero in each currency, are never
//!   changed, and there is one of each kind about a thing: the database refuses anything else.
//! - What a provider settles is compared with what happened here line by line, and posted with it. Whatever moved is settled once, and what
//!   nobody can explain stays where it is seen.
//! - What is contested is not given back a second time: refunds and disputes that were not won are never more than what was charged.
//! - A closed period takes no entry: the database refuses it, and what becomes known later is posted into the open one.
//! - Locks are taken in one order: the bill, its payment, what belongs to that.
//! - A payer sees their own, staff their tenant's; what is beyond does not exist. Each statement says so, and row-level security says it
//!   again.
//! - What payers are called and what lines are for is sealed under a key of the payer; it is in no event, log or stored answer.
//!
//! Where to look: [`grpc`], [`consumers`] and [`jobs`] translate, [`app`] decides in one transaction per use case, [`domain`] knows the
//! rules, [`db`] holds the SQL, [`provider`] speaks to providers, [`events`], [`payment_events`] and [`settlement_events`] say what the
//! world is told, [`work_events`] what the workflows are.

pub mod app;
pub mod books;
pub mod cli;
pub mod config;
pub mod consumers;
pub mod db;
pub mod domain;
pub mod error;
pub mod events;
pub mod grpc;
pub mod jobs;
pub mod payment_events;
pub mod provider;
mod run;
pub mod settlement_events;
pub mod settlements;
pub mod work_events;

pub use config::Config;
pub use error::Error;
pub use run::{MIGRATORS, Running, run, start};

use clock::Clock;
use envelope::Envelope;
use pg::Db;
use sqlx::migrate::Migrator;
use time::Duration;

use provider::Accounts;

/// The tables `bill_runs`, `bill_run_lines`, `bill_run_faults`, `bills`, `bill_lines`, `bill_acts`, `payments`, `refunds`, `payment_entries`, `callbacks`, `ledger_accounts`,
/// `ledger_entries`, `ledger_postings`, `adjustments`, `subject_erasures`, `disputes`, `settled_accounts`, `settlements`,
/// `settlement_totals`, `settlement_lines`, `periods` and `period_balances`.
pub static MIGRATOR: Migrator = pg::migrator!("_migrations_payment");

/// What every use case works with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct State {
    /// The service's database.
    pub db: Db,
    /// What time it is.
    pub clock: Clock,
    /// Words on bills are sealed by it.
    pub envelope: Envelope,
    /// Who takes the tenants' money.
    pub providers: Accounts,
    /// After how long without anything that leads on the outcome of a payment is unknown.
    pub patience: Duration,
}
