//! The notification service: whom it can reach, what they were told, and every e-mail on its way.
//!
//! Others say what happened, as events that carry ids and codes. Here each becomes a row of its recipient's feed, and
//! outcomes become an e-mail too. What people read is written at the moment they read it, in their language, from
//! versioned templates; no text is stored, published or logged.
//!
//! What has to hold, whoever calls and whatever dies:
//!
//! - A feed is numbered from 1 without gap or repeat. Its numbers are handed out under the recipient's lock, and each
//!   row appends its event in the same transaction, so that the events of a recipient are in order.
//! - An event tells once, however often it comes: its id is in the inbox and on the notification.
//! - A delivery moves along its life cycle and in no other way ([`domain::delivery`]). A worker has a job under a lease;
//!   the first report of a job stands; a job that nobody reports is asked for again.
//! - Addresses stay here, sealed under a key of their subject: messages carry ids, and only the worker that claims a job
//!   learns where to send it.
//! - A tenant's rows do not exist for another: each statement says so, and row-level security says it again.
//!
//! Where to look: [`grpc`], [`consumers`] and [`jobs`] translate, [`app`] decides in one transaction per use case,
//! [`domain`] knows the rules, [`db`] holds the SQL, [`templates`] what people read.

pub mod app;
pub mod config;
pub mod consumers;
pub mod db;
pub mod documents;
pub mod domain;
pub mod error;
pub mod grpc;
pub mod jobs;
mod ready;
mod run;
pub mod templates;

use std::sync::Arc;

use clock::Clock;
use envelope::Envelope;
use pg::Db;
use sqlx::migrate::Migrator;

pub use config::Config;
pub use error::Error;
pub use run::{Running, migrators, run, start};

use documents::Documents;
use templates::Templates;

/// The tables `recipients`, `notifications`, `feed`, `deliveries` and `delivery_jobs`.
pub static MIGRATOR: Migrator = pg::migrator!("_migrations_notification");

/// What every use case works with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct State {
    /// The service's database.
    pub db: Db,
    /// What time it is.
    pub clock: Clock,
    /// Addresses are sealed by it.
    pub envelope: Envelope,
    /// What people read.
    pub templates: Arc<Templates>,
    /// The document service, which knows what a mail says of a document.
    pub documents: Documents,
}
