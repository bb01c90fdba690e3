//! Why a use case did not happen, and what a caller learns of it.

use providers::signature;
use rpc_error::{Code, reason};

use crate::domain::{Broken, Stays};

/// A use case's failure.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What is handed in breaks these rules, at least one.
    #[error("the case breaks {} rules", .0.len())]
    Case(Vec<Broken>),
    /// They have one of the purpose that is not over.
    #[error("a case of the purpose is not over")]
    CaseExists,
    /// There is no such case, or the caller may not know of it.
    #[error("there is no such case")]
    CaseNotFound,
    /// The case stays as it is.
    #[error("the case is not changed: {0}")]
    Stays(#[from] Stays),
    /// What is decided breaks these rules, at least one.
    #[error("the decision breaks {} rules", .0.len())]
    Decision(Vec<Broken>),
    /// Nobody waits for a decision of the caller.
    #[error("no case waits that the caller may decide")]
    NoneWaiting,
    /// The note breaks these rules, at least one.
    #[error("the note cannot be used")]
    Note(Vec<Broken>),
    /// The case has as many as it can have.
    #[error("the case has as many notes as it can have")]
    TooManyNotes,
    /// It is not said why.
    #[error("the reason cannot be used")]
    Grounds(#[from] grounds::Error),
    /// There is no such document, or it is not the caller's.
    #[error("there is no such document")]
    DocumentNotFound,
    /// It cannot be looked at: there is no verdict, or it was refused.
    #[error("the document is not ready")]
    DocumentNotReady,
    /// The document service cannot say.
    #[error("documents cannot be asked about")]
    Documents(#[source] rpc_error::Error),
    /// There is no such page.
    #[error("the page asked for does not exist")]
    Page(#[from] paging::Invalid),
    /// No account has this name.
    #[error("there is no such account at a provider")]
    AccountNotFound,
    /// It is not what a provider sends.
    #[error("the callback cannot be used")]
    Callback,
    /// It was not the provider, or not now.
    #[error("the signature is not accepted")]
    Signature(#[source] signature::Invalid),
    /// A case was submitted under a policy that is not there: a defect.
    #[error("the policy of the case is not there")]
    PolicyGone,
    /// What the tenant allows cannot be read.
    #[error("the policy cannot be read")]
    Policy(#[from] policy::Error),
    /// The database did not do its part.
    #[error("the database failed")]
    Database(#[from] pg::Error),
    /// What is kept of people cannot be sealed or opened.
    #[error("what is sealed cannot be sealed or opened")]
    Envelope(#[from] envelope::Error),
    /// The idempotency key was not accepted, or its row could not be kept.
    #[error("the idempotency key was not accepted")]
    Idempotency(#[from] idempotency::Error),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<Error> for rpc_error::Error {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let new = |code, reason| Self::new(code, reason, message);
        match error {
            Error::Case(broken) => fields(new(Code::InvalidArgument, reason::VERIFICATION_INVALID), broken),
            Error::CaseExists => new(Code::Conflict, reason::CASE_EXISTS),
            Error::CaseNotFound => new(Code::NotFound, reason::CASE_NOT_FOUND),
            Error::Stays(Stays::Status | Stays::Rounds) => new(Code::Conflict, reason::CASE_STATE),
            Error::Stays(Stays::Claimed) => new(Code::Conflict, reason::REVIEW_CLAIMED),
            Error::Stays(Stays::NotClaimed) => new(Code::Conflict, reason::REVIEW_NOT_CLAIMED),
            Error::Stays(Stays::Own) => new(Code::PermissionDenied, reason::OWN_CASE),
            Error::Stays(Stays::SecondPersonNeeded) => new(Code::Conflict, reason::SECOND_PERSON_NEEDED),
            Error::Decision(broken) => fields(new(Code::InvalidArgument, reason::DECISION_INVALID), broken),
            Error::NoneWaiting => new(Code::NotFound, reason::REVIEW_NONE_WAITING),
            Error::Note(broken) => fields(new(Code::InvalidArgument, reason::NOTE_INVALID), broken),
            Error::TooManyNotes => new(Code::Conflict, reason::NOTE_LIMIT_REACHED),
            Error::Grounds(rule) => rule.into(),
            Error::DocumentNotFound => new(Code::NotFound, reason::DOCUMENT_NOT_FOUND),
            Error::DocumentNotReady => new(Code::PreconditionFailed, reason::DOCUMENT_NOT_READY),
            Error::Documents(error) => Self::unavailable(error),
            Error::Page(invalid) => invalid.into(),
            Error::AccountNotFound => new(Code::NotFound, reason::ACCOUNT_NOT_FOUND),
            Error::Callback => new(Code::InvalidArgument, reason::CALLBACK_INVALID)
                .violation("body", "must be 1 byte to 64 KiB, and a callback of the provider"),
            Error::Signature(_) => new(Code::Unauthenticated, reason::SIGNATURE_INVALID),
            Error::PolicyGone => Self::internal(error),
            Error::Policy(error) => error.into(),
            Error::Database(error) => error.into(),
            Error::Envelope(error) => error.into(),
            Error::Idempotency(error) => error.into(),
        }
    }
}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        rpc_error::Error::from(error).into()
    }
}

fn fields(error: rpc_error::Error, broken: Vec<Broken>) -> rpc_error::Error {
    broken.into_iter().fold(error, |error, Broken { field, rule }| error.violation(field, rule))
}
