//! What the service can do. One file is one use case is one transaction: those for requests take [`State`] and open
//! it, those for due rows are given the runner's.
//!
//! The object store is only ever asked outside of transactions: what it said goes in, and is checked against the
//! locked row.

mod attach_to_case;
mod claim_scan;
mod clean_up;
mod confirm_upload;
mod create_download;
mod detach_from_case;
mod end_retention;
mod erase_document;
mod erasure;
mod expire_upload;
mod get_document;
mod initiate_upload;
mod initiate_version;
mod keeping;
mod list_case_documents;
mod list_documents;
mod list_holds;
mod list_versions;
mod object_locks;
mod place_hold;
mod refresh_upload;
mod release_hold;
mod remind_scan;
mod report_scan;
mod scan_job;
mod signature;

pub use attach_to_case::attach_to_case;
pub use claim_scan::{ClaimedScan, claim_scan};
pub use clean_up::{Chore, Cleaner, Cleaning};
pub use confirm_upload::confirm_upload;
pub use create_download::{Download, create_download};
pub use detach_from_case::detach_from_case;
pub use end_retention::end_retention;
pub use erase_document::erase_document;
pub use erasure::Cause;
pub use expire_upload::expire_upload;
pub use get_document::get_document;
pub use initiate_upload::initiate_upload;
pub use initiate_version::initiate_version;
pub use list_case_documents::list_case_documents;
pub use list_documents::{Page, list_documents};
pub use list_holds::{Holds, list_holds};
pub use list_versions::list_versions;
pub use place_hold::place_hold;
pub use refresh_upload::refresh_upload;
pub use release_hold::release_hold;
pub use remind_scan::remind_scan;
pub use report_scan::report_scan;
pub use signature::AwaitedUpload;

use auth::Caller;
use blobs::Head;
use idempotency::{Key, Scope};
use ids::DocumentId;
use proto::Operation;
use time::Duration;
use uuid::Uuid;

use crate::Error;
use crate::domain::{CaseRef, Grounds, PageSize, PageToken, Sha256, StoredObject, Version, Viewer};

/// Due kind: an upload's window is over. Subject: the version.
pub const UPLOAD_EXPIRY: &str = "upload_expiry";
/// Due kind: a scan's outcome is still missing. Subject: the job.
pub const SCAN_UNREPORTED: &str = "scan_unreported";
/// Due kind: the uploaded object of a settled version is to be deleted. Subject: the version.
pub const INTAKE_CLEANUP: &str = "intake_cleanup";

/// Due kind: the evidence of an erased version is to be deleted. Subject: the version.
pub const EVIDENCE_CLEANUP: &str = "evidence_cleanup";
/// Due kind: retention and holds of a version are to be told to the object store. Subject: the version.
pub const OBJECT_LOCKS: &str = "object_locks";
/// Due kind: a version need not be kept any longer. Subject: the version.
pub const RETENTION: &str = "retention";

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

/// Checks which page is asked for.
fn page(size: i32, token: &str) -> Result<(PageSize, Option<PageToken>), Error> {
    match (PageSize::parse(size), PageToken::parse(token)) {
        (Ok(size), Ok(after)) => Ok((size, after)),
        (size, token) => Err(Error::Page { size: size.err(), token: token.err() }),
    }
}

/// Cuts off the row that was read beyond the page, which tells that there is a next one.
fn cut<T>(mut rows: Vec<T>, size: PageSize, id: impl Fn(&T) -> Uuid) -> (Vec<T>, Option<PageToken>) {
    let size = usize::try_from(size.get()).unwrap_or_default();
    let more = rows.len() > size;
    rows.truncate(size);
    let next = rows.last().filter(|_| more).map(|last| PageToken::after(id(last)));
    (rows, next)
}

/// The case that a request names.
fn case_ref(text: &str) -> Result<CaseRef, Error> {
    text.parse().map_err(Error::Case)
}

/// Why the caller does what they ask for.
fn grounds(text: &str) -> Result<Grounds, Error> {
    text.parse().map_err(Error::Grounds)
}

fn scope(caller: &Caller, operation: Operation, key: Key) -> Scope {
    Scope { tenant: caller.tenant.clone(), principal: caller.subject.clone(), operation, key }
}

/// What the object store says, in the domain's words.
fn stored_object(head: &Head) -> StoredObject {
    StoredObject { size: i64::try_from(head.size).unwrap_or(i64::MAX), sha256: head.sha256.map(Sha256::from) }
}
