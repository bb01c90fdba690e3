//! Why a use case did not happen, and what a caller learns of it.

use std::time::Duration;

use rpc_error::{Code, reason};

use crate::domain::grant::Broken;
use crate::domain::{
    InvalidTransition, NoNextVersion, NotReleased, UploadClosed, Violation, case_ref, parts,
};

/// A use case's failure.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The declaration breaks these rules, at least one.
    #[error("the declaration breaks {} rules of the upload policy", .0.len())]
    Declaration(Vec<Violation>),
    /// There is no such page.
    #[error("the page asked for does not exist")]
    Page(#[from] paging::Invalid),
    /// There is no such document, or the caller may not know of it.
    #[error("there is no such document")]
    DocumentNotFound,
    /// The document has no such version.
    #[error("the document has no such version")]
    VersionNotFound,
    /// The document gets no further version.
    #[error("the document gets no further version now")]
    NoNextVersion(NoNextVersion),
    /// The version, or the document, was erased.
    #[error("the document was erased")]
    Erased,
    /// A hold stands.
    #[error("the document is under a legal hold")]
    Held,
    /// Something asks for the document to be kept.
    #[error("the document has to be kept for now")]
    Retained,
    /// The case has another reference, if any.
    #[error("the reference of the case cannot be used")]
    Case(case_ref::Error),
    /// No document belongs to the case.
    #[error("the case has no documents")]
    CaseEmpty,
    /// An archive would hold more than one may.
    #[error("the case is larger than an archive may be: at most {0}")]
    CaseTooLarge(&'static str),
    /// There is no such export in the tenant.
    #[error("there is no such export")]
    ExportNotFound,
    /// It is being made.
    #[error("the export is being made")]
    ExportNotReady,
    /// It cannot be made.
    #[error("the export could not be made")]
    ExportFailed,
    /// It is gone, or not wanted any longer.
    #[error("the export was erased")]
    ExportErased,
    /// A time-stamp was not got.
    #[error("the time-stamp was not got")]
    TimeStamp(#[from] timestamp::Error),
    /// What is known of a case could not be written down.
    #[error("the manifest could not be written")]
    Manifest(#[source] serde_json::Error),
    /// The audit chain did not do its part.
    #[error("the audit chain failed")]
    Audit(#[from] audit::Error),
    /// It is not said why.
    #[error("the reason cannot be used")]
    Grounds(#[from] grounds::Error),
    /// The policy names no class of retention for a purpose that it has.
    #[error("the purpose has no class of retention")]
    NoClass,
    /// There is no such hold in the tenant.
    #[error("there is no such hold")]
    HoldNotFound,
    /// The hold stays as it is.
    #[error("the hold is not released")]
    NotReleased(NotReleased),
    /// No upload is awaited any more.
    #[error("no upload is awaited")]
    UploadClosed(UploadClosed),
    /// The file is sent by one request.
    #[error("the file is not sent in parts")]
    NotInParts,
    /// These parts cannot be signed.
    #[error("the parts cannot be signed")]
    Parts(parts::Invalid),
    /// Not all parts have arrived as they must be.
    #[error("{missing} of {count} parts are missing")]
    PartsMissing {
        /// How many, at least.
        missing: i32,
        /// How many there have to be.
        count: i32,
    },
    /// It is not said what the document is read for.
    #[error("the purpose of the access cannot be used")]
    AccessPurpose(String),
    /// The grant breaks these rules, at least one.
    #[error("the grant cannot be made")]
    Grant(Vec<Broken>),
    /// There is no such grant in the tenant.
    #[error("there is no such grant")]
    GrantNotFound,
    /// What let the caller read is over.
    #[error("the grant is over")]
    GrantEnded,
    /// The object is not in the store.
    #[error("nothing was uploaded yet")]
    UploadMissing,
    /// There is no verdict yet.
    #[error("the document has no verdict yet")]
    NotScanned,
    /// The verdict was no.
    #[error("the document was rejected")]
    Rejected,
    /// It waits for somebody's decision.
    #[error("the document waits for a review")]
    Quarantined,
    /// It does not wait for a decision: not yet, or not any longer.
    #[error("the document does not wait for a review")]
    NotQuarantined,
    /// Nobody reviews what they handed in themselves.
    #[error("the reviewer must not be the owner")]
    OwnReview,
    /// The decision is none.
    #[error("the decision is not one that can be taken")]
    UnknownOutcome,
    /// There is no such scan job in the tenant.
    #[error("there is no such job")]
    JobNotFound,
    /// Somebody has the job.
    #[error("somebody else has the job")]
    JobLeased {
        /// Until the lease ends.
        wait: Duration,
    },
    /// The job's outcome is known.
    #[error("the job was already reported")]
    JobFinished,
    /// A report gives a reason that this version does not know.
    #[error("the rejection reason is not known")]
    UnknownReason,
    /// A report breaks a rule.
    #[error("the report says what cannot be")]
    Report {
        /// The field that breaks it.
        field: &'static str,
        /// What must hold.
        rule: &'static str,
    },
    /// The copy of a clean object is absent, or is not the declared bytes.
    #[error("the copied object is missing or differs")]
    EvidenceMissing,
    /// The lifecycle has no such edge: the checks before it are wrong.
    #[error("the lifecycle was asked for an edge it does not have")]
    Transition(#[from] InvalidTransition),
    /// The database did not do its part.
    #[error("the database failed")]
    Database(#[from] pg::Error),
    /// A name cannot be sealed or opened.
    #[error("a file's name cannot be sealed or opened")]
    Envelope(#[from] envelope::Error),
    /// The policy in force cannot be told.
    #[error("the policy in force cannot be told")]
    Policy(#[from] policy::Error),
    /// The idempotency key was not accepted, or its row could not be kept.
    #[error("the idempotency key was not accepted")]
    Idempotency(#[from] idempotency::Error),
    /// The object store did not do its part.
    #[error("the object store failed")]
    Store(#[from] blobs::Error),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<UploadClosed> for Error {
    fn from(closed: UploadClosed) -> Self {
        Self::UploadClosed(closed)
    }
}

impl From<NotReleased> for Error {
    fn from(why: NotReleased) -> Self {
        Self::NotReleased(why)
    }
}

impl From<NoNextVersion> for Error {
    fn from(why: NoNextVersion) -> Self {
        Self::NoNextVersion(why)
    }
}

impl From<Error> for rpc_error::Error {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let new = |code, reason| Self::new(code, reason, message);
        match error {
            Error::Declaration(violations) => declaration(&violations),
            Error::Page(invalid) => invalid.into(),
            Error::DocumentNotFound => new(Code::NotFound, reason::DOCUMENT_NOT_FOUND),
            Error::VersionNotFound => new(Code::NotFound, reason::VERSION_NOT_FOUND),
            Error::NoNextVersion(NoNextVersion::InProgress) => {
                new(Code::Conflict, reason::VERSION_IN_PROGRESS)
            }
            Error::NoNextVersion(NoNextVersion::Limit) => new(Code::Conflict, reason::VERSION_LIMIT_REACHED),
            Error::UploadClosed(UploadClosed::Expired) => new(Code::Gone, reason::UPLOAD_EXPIRED),
            Error::UploadClosed(UploadClosed::AlreadyConfirmed) => {
                new(Code::Conflict, reason::UPLOAD_ALREADY_CONFIRMED)
            }
            Error::Erased
            | Error::UploadClosed(UploadClosed::Erased)
            | Error::NoNextVersion(NoNextVersion::Erased) => {
                Self::new(Code::Gone, reason::DOCUMENT_ERASED, "the document was erased")
            }
            Error::Held => new(Code::Conflict, reason::DOCUMENT_HELD),
            Error::Retained => new(Code::Conflict, reason::DOCUMENT_RETAINED),
            Error::Case(rule) => {
                new(Code::InvalidArgument, reason::CASE_INVALID).violation("case_ref", rule.to_string())
            }
            Error::Grounds(rule) => rule.into(),
            Error::CaseEmpty => new(Code::NotFound, reason::CASE_EMPTY),
            Error::CaseTooLarge(limit) => new(Code::TooLarge, reason::CASE_TOO_LARGE)
                .violation("case_ref", format!("must have at most {limit}")),
            Error::ExportNotFound => new(Code::NotFound, reason::EXPORT_NOT_FOUND),
            Error::ExportNotReady => new(Code::Locked, reason::EXPORT_NOT_READY),
            Error::ExportFailed => new(Code::Conflict, reason::EXPORT_FAILED),
            Error::ExportErased => new(Code::Gone, reason::EXPORT_ERASED),
            Error::Manifest(_) | Error::TimeStamp(_) => Self::internal(error),
            Error::Audit(error) => error.into(),
            Error::NoClass => Self::internal(error),
            Error::HoldNotFound => new(Code::NotFound, reason::HOLD_NOT_FOUND),
            Error::NotReleased(NotReleased::AlreadyReleased) => new(Code::Conflict, reason::HOLD_RELEASED),
            Error::NotReleased(NotReleased::SecondPersonNeeded) => {
                new(Code::Conflict, reason::SECOND_PERSON_NEEDED)
            }
            Error::NotInParts => new(Code::Conflict, reason::UPLOAD_NOT_IN_PARTS),
            Error::Parts(rule) => {
                new(Code::InvalidArgument, reason::PARTS_INVALID).violation(rule.field(), rule.to_string())
            }
            Error::PartsMissing { .. } => new(Code::Conflict, reason::PARTS_MISSING),
            Error::AccessPurpose(rule) => {
                new(Code::InvalidArgument, reason::ACCESS_PURPOSE_INVALID).violation("purpose", rule)
            }
            Error::Grant(broken) => {
                let error = new(Code::InvalidArgument, reason::GRANT_INVALID);
                broken.into_iter().fold(error, |error, Broken { field, rule }| error.violation(field, rule))
            }
            Error::GrantNotFound => new(Code::NotFound, reason::GRANT_NOT_FOUND),
            Error::GrantEnded => new(Code::Gone, reason::GRANT_ENDED),
            Error::UploadMissing => new(Code::Conflict, reason::UPLOAD_MISSING),
            Error::NotScanned => new(Code::Locked, reason::DOCUMENT_NOT_SCANNED),
            Error::Rejected => new(Code::Conflict, reason::DOCUMENT_REJECTED),
            Error::Quarantined => new(Code::Locked, reason::DOCUMENT_QUARANTINED),
            Error::NotQuarantined => new(Code::Conflict, reason::DOCUMENT_NOT_QUARANTINED),
            Error::OwnReview => new(Code::PermissionDenied, reason::REVIEWER_IS_OWNER),
            Error::UnknownOutcome => new(Code::InvalidArgument, reason::DECISION_INVALID)
                .violation("outcome", "must be released or rejected"),
            Error::JobNotFound => new(Code::NotFound, reason::JOB_NOT_FOUND),
            Error::JobLeased { wait } => new(Code::Conflict, reason::JOB_LEASED).retry_after(wait),
            Error::JobFinished => new(Code::Conflict, reason::JOB_FINISHED),
            Error::UnknownReason => new(Code::InvalidArgument, reason::REQUEST_INVALID)
                .violation("rejection_reason", "must be a reason of guildhall.document.v1.RejectionReason"),
            Error::Report { field, rule } => {
                new(Code::InvalidArgument, reason::REQUEST_INVALID).violation(field, rule)
            }
            Error::EvidenceMissing => new(Code::PreconditionFailed, reason::EVIDENCE_MISSING),
            Error::Transition(_) => Self::internal(error),
            Error::Database(error) => error.into(),
            Error::Envelope(error) => error.into(),
            Error::Policy(error) => error.into(),
            Error::Idempotency(error) => error.into(),
            Error::Store(error) if error.is_transient() => Self::unavailable(error),
            Error::Store(error) => Self::internal(error),
        }
    }
}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        rpc_error::Error::from(error).into()
    }
}

/// The first broken rule gives the reason; all of them are listed.
fn declaration(violations: &[Violation]) -> rpc_error::Error {
    let (code, reason) = match violations.first() {
        Some(Violation::UnknownPurpose(_)) => (Code::InvalidArgument, reason::UNKNOWN_PURPOSE),
        Some(Violation::FileName(_)) => (Code::InvalidArgument, reason::FILE_NAME_INVALID),
        Some(Violation::ContentTypeNotAllowed(_)) => {
            (Code::InvalidArgument, reason::CONTENT_TYPE_NOT_ALLOWED)
        }
        Some(Violation::FileEmpty) => (Code::InvalidArgument, reason::FILE_EMPTY),
        Some(Violation::FileTooLarge { .. }) => (Code::TooLarge, reason::FILE_TOO_LARGE),
        Some(Violation::DigestInvalid(_)) => (Code::InvalidArgument, reason::DIGEST_INVALID),
        None => (Code::InvalidArgument, reason::REQUEST_INVALID),
    };
    let message = match violations {
        [only] => format!("{} {only}", only.field()),
        _ => format!("{} fields break a rule", violations.len()),
    };
    violations.iter().fold(rpc_error::Error::new(code, reason, message), |error, violation| {
        error.violation(violation.field(), violation.to_string())
    })
}
