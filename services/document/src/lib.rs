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
//!   and row-level security says it again. A grant that stands lets somebody read, and nothing else; each access says
//!   what for.
//! - What citizens call their files is sealed under a key of theirs; it is in no event, job, log or stored answer.
//! - While a legal hold stands, or a retention has not ended, nothing is erased; what is erased is never readable again.
//! - Whatever must happen later has a due row: the end of an upload's window, a scan nobody reported, an uploaded
//!   object to delete, the end of a retention, what the object store is to keep.
//!
//! Where to look: [`grpc`], [`consumers`] and [`jobs`] translate, [`app`] decides in one transaction per use case, [`domain`] knows the
//! rules, [`db`] holds the SQL, [`events`] what the world is told.

pub mod app;
pub mod cli;
pub mod config;
pub mod consumers;
pub mod db;
pub mod domain;
pub mod error;
pub mod events;
pub mod grpc;
pub mod jobs;
pub mod metrics;
pub mod reconcile;
mod run;
pub mod verify;

pub use config::Config;
pub use error::Error;
pub use run::{MIGRATORS, Running, run, start};

use blobs::Blobs;
use clock::Clock;
use envelope::Envelope;
use pg::Db;
use sqlx::migrate::Migrator;
use time::Duration;

use metrics::IntegrityCounts;

/// The tables `documents`, `document_versions`, `scan_jobs`, `access_log`, `case_documents`, `legal_holds`,
/// `quarantine_decisions`, `part_uploads`, `access_grants`, `subject_erasures`, `case_exports` and `case_export_versions`.
pub static MIGRATOR: Migrator = pg::migrator!("_migrations_document");

/// What every use case works with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct State {
    /// The service's database.
    pub db: Db,
    /// What time it is.
    pub clock: Clock,
    /// Names of files are sealed by it.
    pub envelope: Envelope,
    /// The intake and the evidence bucket.
    pub blobs: Blobs,
    /// How long the bytes of what was refused are kept, for those who look into why.
    pub keep_rejected: Duration,
    /// How often a ready version is read again.
    pub integrity_every: Duration,
    /// What the integrity sweep has found.
    pub integrity: IntegrityCounts,
    /// How long an exported case is kept for those who fetch it.
    pub keep_exports: Duration,
}
