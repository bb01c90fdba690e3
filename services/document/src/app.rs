//! What the service can do. One file is one use case is one transaction: those for requests take [`State`] and open
//! it, those for due rows are given the runner's.
//!
//! The object store is only ever asked outside of transactions: what it said goes in, and is checked against the
//! locked row.

mod abort_upload;
mod attach_to_case;
mod check_integrity;
mod claim_integrity;
mod claim_preview;
mod claim_scan;
mod clean_up;
mod confirm_upload;
mod create_download;
mod create_grant;
mod decide_quarantined;
mod detach_from_case;
mod download_case_export;
mod download_quarantined;
mod end_retention;
mod erase_document;
mod erasure;
mod expire_upload;
mod export_case;
mod exports;
mod get_case_export;
mod get_document;
mod get_preview;
mod grant_reasons;
mod hand_out;
mod hold_reasons;
mod initiate_upload;
mod initiate_version;
mod integrity_job;
mod keeping;
mod list_accesses;
mod list_case_documents;
mod list_decisions;
mod list_documents;
mod list_grants;
mod list_holds;
mod list_parts;
mod list_quarantined;
mod list_shared;
mod list_versions;
mod log_access;
mod names;
mod object_locks;
mod open_document;
mod parts;
mod place_hold;
mod preview_job;
mod quarantine;
mod read_document;
mod reading;
pub mod reconcile;
mod refresh_upload;
mod release_hold;
mod remind_preview;
mod remind_scan;
mod report_integrity;
mod report_preview;
mod report_scan;
mod revoke_grant;
mod scan_job;
mod sign_parts;
mod signature;
mod store_document;
mod subject_erasure;

pub use abort_upload::abort_upload;
pub use attach_to_case::attach_to_case;
pub use check_integrity::check_integrity;
pub use claim_integrity::{ClaimedIntegrity, claim_integrity};
pub use claim_preview::{ClaimedPreview, claim_preview};
pub use claim_scan::{ClaimedScan, claim_scan};
pub use clean_up::{Chore, Cleaner, Cleaning};
pub use confirm_upload::confirm_upload;
pub use create_download::create_download;
pub use create_grant::create_grant;
pub use decide_quarantined::decide_quarantined;
pub use detach_from_case::detach_from_case;
pub use download_case_export::download_case_export;
pub use download_quarantined::download_quarantined;
pub use end_retention::end_retention;
pub use erase_document::erase_document;
pub use erasure::Cause;
pub use expire_upload::expire_upload;
pub use export_case::export_case;
pub use exports::{Exporter, Exporting, Seals};
pub use get_case_export::get_case_export;
use get_document::{find_document, find_upload, get_document};
pub use get_preview::get_preview;
pub use hand_out::{Download, Preview};
pub use initiate_upload::initiate_upload;
pub use initiate_version::initiate_version;
pub use list_accesses::{Accesses, list_accesses};
pub use list_case_documents::list_case_documents;
pub use list_decisions::list_decisions;
pub use list_documents::{Page, list_documents};
pub use list_grants::{Grants, list_grants};
pub use list_holds::{Holds, list_holds};
pub use list_parts::{Arrived, list_parts};
pub use list_quarantined::list_quarantined;
pub use list_shared::{SharedPage, list_shared};
pub use list_versions::list_versions;
pub use open_document::open_document;
pub use place_hold::place_hold;
pub use read_document::read_document;
pub use refresh_upload::refresh_upload;
pub use release_hold::release_hold;
pub use remind_preview::remind_preview;
pub use remind_scan::remind_scan;
pub use report_integrity::report_integrity;
pub use report_preview::report_preview;
pub use report_scan::report_scan;
pub use revoke_grant::revoke_grant;
pub use sign_parts::sign_parts;
pub use signature::AwaitedUpload;
pub use store_document::store_document;
pub use subject_erasure::{
    advance as advance_erasure, begin as begin_erasure, end_grant_for_subject, erase_for_subject,
};

use auth::Caller;
use blobs::Head;
use idempotency::{Key, Scope};
use ids::DocumentId;
use prost_types::Timestamp;
use proto::Operation;
use time::{Duration, OffsetDateTime};

use crate::Error;
use crate::domain::policy::HandedInBy;
use crate::domain::{CaseRef, Grounds, Sha256, StoredObject, Version, Viewer};

/// Due kind: an upload's window is over. Subject: the version.
pub const UPLOAD_EXPIRY: &str = "upload_expiry";
/// Due kind: a scan's outcome is still missing. Subject: the job.
pub const SCAN_UNREPORTED: &str = "scan_unreported";
/// Due kind: a preview's outcome is still missing. Subject: the job.
pub const PREVIEW_UNREPORTED: &str = "preview_unreported";
/// Due kind: a ready version is to be read again. Subject: the version.
pub const INTEGRITY: &str = "integrity";
/// Due kind: the uploaded object of a settled version is to be deleted. Subject: the version.
pub const INTAKE_CLEANUP: &str = "intake_cleanup";

/// Due kind: the evidence of an erased version is to be deleted. Subject: the version.
pub const EVIDENCE_CLEANUP: &str = "evidence_cleanup";
/// Due kind: retention and holds of a version are to be told to the object store. Subject: the version.
pub const OBJECT_LOCKS: &str = "object_locks";
/// Due kind: a version need not be kept any longer. Subject: the version.
pub const RETENTION: &str = "retention";

/// Due kind: an export is to be made, or erased. Subject: the export.
pub const CASE_EXPORT: &str = "case_export";

/// Due kind: a person is to be erased. Subject: the erasure.
pub const SUBJECT_ERASURE: &str = "subject_erasure";
/// Due kind: a document of a person who is to be erased. Subject: the document. Statements of `db::subject_erasures` name it.
pub const SUBJECT_DOCUMENT: &str = "subject_document";
/// Due kind: a grant to a person who is to be erased. Subject: the grant. Statements of `db::subject_erasures` name it.
pub const SUBJECT_GRANT: &str = "subject_grant";

/// How long a claim keeps other scanners away at the least, and how often an unreported scan is asked for again.
pub const SCAN_LEASE: Duration = Duration::minutes(5);

/// What the caller may see.
fn viewer(caller: &Caller) -> Viewer {
    if caller.is_citizen() { Viewer::Owner(caller.subject.clone()) } else { Viewer::Office }
}

/// Whose uploads a caller goes on with: their own, staff too.
fn uploader(caller: &Caller) -> Viewer {
    Viewer::Owner(caller.subject.clone())
}

/// What the caller may hand in.
fn hands_in(caller: &Caller) -> HandedInBy {
    if caller.is_citizen() { HandedInBy::Citizens } else { HandedInBy::Staff }
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

/// The case that a request names.
fn case_ref(text: &str) -> Result<CaseRef, Error> {
    text.parse().map_err(Error::Case)
}

/// Why the caller does what they ask for.
fn grounds(text: &str) -> Result<Grounds, Error> {
    Ok(text.parse::<Grounds>()?)
}

/// The time that a request names, to the microsecond, as the database keeps it; `None` where it names none.
fn time(at: Option<&Timestamp>) -> Option<OffsetDateTime> {
    let at = at?;
    let micros = u32::try_from(at.nanos).ok()? / 1_000;
    OffsetDateTime::from_unix_timestamp(at.seconds).ok()?.replace_microsecond(micros).ok()
}

/// What a request gives to narrow a list.
fn given(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn scope(caller: &Caller, operation: Operation, key: Key) -> Scope {
    Scope { tenant: caller.tenant.clone(), principal: caller.subject.clone(), operation, key }
}

/// What the object store says, in the domain's words.
fn stored_object(head: &Head) -> StoredObject {
    StoredObject {
        size: i64::try_from(head.size).unwrap_or(i64::MAX),
        sha256: head.sha256.map(Sha256::from),
        parts: head.composite.and_then(|made| i32::try_from(made.parts).ok()),
    }
}
