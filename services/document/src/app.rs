//! What the service can do. One file is one use case is one transaction: those for requests take [`State`] and open
//! it, those for due rows are given the runner's.
//!
//! The object store is only ever asked outside of transactions: what it said goes in, and is checked against the
//! locked row.

mod claim_scan;
mod clean_up;
mod confirm_upload;
mod create_download;
mod expire_upload;
mod get_document;
mod initiate_upload;
mod initiate_version;
mod list_documents;
mod list_versions;
mod refresh_upload;
mod remind_scan;
mod report_scan;
mod scan_job;
mod signature;

pub use claim_scan::{ClaimedScan, claim_scan};
pub use clean_up::{Cleaner, Cleaning};
pub use confirm_upload::confirm_upload;
pub use create_download::{Download, create_download};
pub use expire_upload::expire_upload;
pub use get_document::get_document;
pub use initiate_upload::initiate_upload;
pub use initiate_version::initiate_version;
pub use list_documents::{Page, list_documents};
pub use list_versions::list_versions;
pub use refresh_upload::refresh_upload;
pub use remind_scan::remind_scan;
pub use report_scan::report_scan;
pub use signature::AwaitedUpload;

use auth::Caller;
use blobs::Head;
use idempotency::{Key, Scope};
use ids::DocumentId;
use proto::Operation;
use time::Duration;

use crate::Error;
use crate::domain::{Sha256, StoredObject, Version, Viewer};

/// Due kind: an upload's window is over. Subject: the version.
pub const UPLOAD_EXPIRY: &str = "upload_expiry";
/// Due kind: a scan's outcome is still missing. Subject: the job.
pub const SCAN_UNREPORTED: &str = "scan_unreported";
/// Due kind: the uploaded object of a settled version is to be deleted. Subject: the version.
pub const INTAKE_CLEANUP: &str = "intake_cleanup";

/// How long a claim keeps other scanners away, and how often an unreported scan is asked for again.
pub const SCAN_LEASE: Duration = Duration::minutes(5);

/// What the caller may see.
fn viewer(caller: &Caller) -> Viewer {
    if caller.is_citizen() { Viewer::Citizen(caller.subject.clone()) } else { Viewer::Office }
}

/// The document that a request names. What is no id names no document.
fn document_id(text: &str) -> Result<DocumentId, Error> {
    text.parse().map_err(|_| Error::DocumentNotFound)
}

/// The version that a request names; `None` for 0, which leaves it to the call. What is no number of a version names
/// none.
fn version(number: i32) -> Result<Option<Version>, Error> {
    match number {
        0 => Ok(None),
        number => number.try_into().map(Some).map_err(|_| Error::VersionNotFound),
    }
}

fn scope(caller: &Caller, operation: Operation, key: Key) -> Scope {
    Scope { tenant: caller.tenant.clone(), principal: caller.subject.clone(), operation, key }
}

/// What the object store says, in the domain's words.
fn stored_object(head: &Head) -> StoredObject {
    StoredObject { size: i64::try_from(head.size).unwrap_or(i64::MAX), sha256: head.sha256.map(Sha256::from) }
}
