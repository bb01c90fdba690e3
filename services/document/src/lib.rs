//! The document service: what citizens hand in, what the scanner said of it, and who has read it.
//!
//! The bytes never pass through here. A citizen declares a file; the service signs an upload that allows exactly those
//! bytes, and the browser sends them straight to the intake bucket. Once confirmed, a scanner takes the document under
//! a lease, copies what is clean to the evidence bucket and reports. Only then can a download be signed, and each one
//! is logged.
//!
//! What has to hold, whoever calls and whatever dies:
//!
//! - A document moves along its lifecycle and in no other way ([`domain::document`]); each edge appends its event in
//!   the transaction that writes it, while the document's row is locked, so that its events are in order.
//! - Nothing unscanned or refused is ever readable, and what is readable is the copy whose size and SHA-256 were
//!   declared.
//! - A citizen sees their own documents, staff their tenant's; what is beyond does not exist. Each statement says so,
//!   and row-level security says it again.
//! - While a legal hold stands, or a retention has not ended, nothing is erased; what is erased is never readable again.
//! - Whatever must happen later has a due row: the end of an upload's window, a scan nobody reported, an uploaded
//!   object to delete, the end of a retention, what the object store is to keep.
//!
//! Where to look: [`grpc`] and [`jobs`] translate, [`app`] decides in one transaction per use case, [`domain`] knows the
//! rules, [`db`] holds the SQL, [`events`] what the world is told.

pub mod app;
pub mod config;
pub mod db;
pub mod domain;
pub mod error;
pub mod events;
pub mod grpc;
pub mod jobs;
mod ready;
mod run;

pub use config::Config;
pub use error::Error;
pub use run::{MIGRATORS, Running, run, start};

use blobs::Blobs;
use clock::Clock;
use pg::Db;
use sqlx::migrate::Migrator;

/// The tables `documents`, `document_versions`, `scan_jobs`, `access_log`, `case_documents` and `legal_holds`.
pub static MIGRATOR: Migrator = pg::migrator!("_migrations_document");

/// What every use case works with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct State {
    /// The service's database.
    pub db: Db,
    /// What time it is.
    pub clock: Clock,
    /// The intake and the evidence bucket.
    pub blobs: Blobs,
}
