//! Why a use case did not happen, and what a caller learns of it.

use std::time::Duration;

use rpc_error::{Code, reason};

use crate::domain::{
    InvalidTransition, NoNextVersion, NotReleased, UploadClosed, Violation, case_ref, grounds, page,
};

/// A use case's failure.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The declaration breaks these rules, at least one.
    #[error("the declaration breaks {} rules of the upload policy", .0.len())]
    Declaration(Vec<Violation>),
    /// The listing was asked for in a way that has no answer.
    #[error("the page asked for does not exist")]
    Page {
        /// What is wrong with the size.
        size: Option<page::SizeError>,
        /// What is wrong with the token.
        token: Option<page::TokenError>,
    },
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
    /// It is not said why.
    #[error("the reason cannot be used")]
    Grounds(grounds::Error),
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
    /// The object is not in the store.
    #[error("nothing was uploaded yet")]
    UploadMissing,
    /// There is no verdict yet.
    #[error("the document has no verdict yet")]
    NotScanned,
    /// The verdict was no.
    #[error("the document was rejected")]
    Rejected,
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
    /// The copy of a clean object is absent, or is not the declared bytes.
    #[error("the copied object is missing or differs")]
    EvidenceMissing,
    /// The lifecycle has no such edge: the checks before it are wrong.
    #[error("the lifecycle was asked for an edge it does not have")]
    Transition(#[from] InvalidTransition),
    /// The database did not do its part.
    #[error("the database failed")]
    Database(#[from] pg::Error),
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
            Error::Page { size, token } => page(size, token),
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
            Error::Grounds(rule) => {
                new(Code::InvalidArgument, reason::REASON_INVALID).violation("reason", rule.to_string())
            }
            Error::NoClass => Self::internal(error),
            Error::HoldNotFound => new(Code::NotFound, reason::HOLD_NOT_FOUND),
            Error::NotReleased(NotReleased::AlreadyReleased) => new(Code::Conflict, reason::HOLD_RELEASED),
            Error::NotReleased(NotReleased::SecondPersonNeeded) => {
                new(Code::Conflict, reason::SECOND_PERSON_NEEDED)
            }
            Error::UploadMissing => new(Code::Conflict, reason::UPLOAD_MISSING),
            Error::NotScanned => new(Code::Locked, reason::DOCUMENT_NOT_SCANNED),
            Error::Rejected => new(Code::Conflict, reason::DOCUMENT_REJECTED),
            Error::JobNotFound => new(Code::NotFound, reason::JOB_NOT_FOUND),
            Error::JobLeased { wait } => new(Code::Conflict, reason::JOB_LEASED).retry_after(wait),
            Error::JobFinished => new(Code::Conflict, reason::JOB_FINISHED),
            Error::UnknownReason => new(Code::InvalidArgument, reason::REQUEST_INVALID)
                .violation("rejection_reason", "must be a reason of guildhall.document.v1.RejectionReason"),
            Error::EvidenceMissing => new(Code::PreconditionFailed, reason::EVIDENCE_MISSING),
            Error::Transition(_) => Self::internal(error),
            Error::Database(error) => error.into(),
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

fn page(size: Option<page::SizeError>, token: Option<page::TokenError>) -> rpc_error::Error {
    let reason = if size.is_some() { reason::PAGE_SIZE_INVALID } else { reason::PAGE_TOKEN_INVALID };
    let mut error = rpc_error::Error::new(Code::InvalidArgument, reason, "the page asked for does not exist");
    if let Some(rule) = size {
        error = error.violation("page_size", rule.to_string());
    }
    if let Some(rule) = token {
        error = error.violation("page_token", rule.to_string());
    }
    error
}
