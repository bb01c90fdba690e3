//! The verification service: whether people are who they say.
//!
//! Somebody hands in a case for a purpose; what that takes is policy. Identity providers are asked, one after the other where one has no
//! answer; where none has, or one cannot tell, a person of the office decides.
//!
//! What has to hold, whoever calls and whatever dies:
//!
//! - A case moves along its lifecycle and in no other way ([`domain::case`]); each edge appends its event, and notes it in the case's own
//!   history, in the transaction that writes it, while the case's row is locked.
//! - One provider is asked about a check at a time. The first that can tell ends it, and what another says later is kept and changes nothing
//!   ([`domain::check`]). Keys at providers are made of our ids: asking twice makes one thing.
//! - No provider's outage is an outage here: each check ends in its time, and a case without an answer comes to a person.
//! - Whether a provider is asked is a circuit that all replicas share ([`domain::circuit`]), and what an administrator says.
//! - Nobody decides about themselves; where two persons have to agree they are two. Decisions are never changed: the database refuses it.
//! - A person sees their own cases, staff their tenant's; what is beyond does not exist. Each statement says so, and row-level security
//!   says it again.
//! - What people say of themselves, what providers answer and what staff note is sealed under a key of the person; it is in no event, log or
//!   stored answer.
//!
//! Where to look: [`grpc`], [`consumers`] and [`jobs`] translate, [`app`] decides in one transaction per use case, [`domain`] knows the
//! rules, [`db`] holds the SQL, [`provider`] speaks to providers, [`documents`] to the document service, [`events`] says what the world is
//! told.

pub mod app;
pub mod cli;
pub mod config;
pub mod consumers;
pub mod db;
pub mod documents;
pub mod domain;
pub mod error;
pub mod events;
pub mod grpc;
pub mod jobs;
pub mod metrics;
pub mod provider;
mod run;

pub use config::Config;
pub use error::Error;
pub use run::{MIGRATORS, Running, run, start};

use clock::Clock;
use envelope::Envelope;
use pg::Db;
use sqlx::migrate::Migrator;

use documents::Documents;
use metrics::Metrics;
use provider::Accounts;

/// The tables `cases`, `case_documents`, `checks`, `attempts`, `answers`, `callbacks`, `decisions`, `notes`, `case_entries`, `circuits`,
/// `circuit_acts` and `subject_erasures`.
pub static MIGRATOR: Migrator = pg::migrator!("_migrations_verification");

/// What every use case works with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct State {
    /// The service's database.
    pub db: Db,
    /// What time it is.
    pub clock: Clock,
    /// What people say of themselves is sealed by it.
    pub envelope: Envelope,
    /// The tenants' identity providers.
    pub accounts: Accounts,
    /// What people hand in.
    pub documents: Documents,
    /// What operators count.
    pub metrics: Metrics,
}
