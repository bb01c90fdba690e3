//! Why a use case did not happen, and what a caller learns of it.

use std::time::Duration;

use providers::signature;
use rpc_error::{Code, reason};

use crate::domain::return_url::NoReturnUrl;
use crate::domain::{NoEntry, NoMonth, NotChanged, NotClosed, NotDecided, NotRefunded, Over, Overflow};

/// A field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub field: String,
    /// What must hold.
    pub rule: String,
}

impl Broken {
    /// A field and its rule.
    pub fn new(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self { field: field.into(), rule: rule.into() }
    }
}

/// A use case's failure.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bill breaks these rules, at least one.
    #[error("the bill breaks {} rules", .0.len())]
    Bill(Vec<Broken>),
    /// Another bill has its reference.
    #[error("another bill has the reference")]
    ReferenceTaken,
    /// The run breaks these rules, at least one.
    #[error("the bill run breaks {} rules", .0.len())]
    Run(Vec<Broken>),
    /// The document is run already.
    #[error("the document has a bill run that did not fail")]
    RunExists,
    /// There is no such run in the tenant.
    #[error("there is no such bill run")]
    RunNotFound,
    /// There is no such bill, or the caller may not know of it.
    #[error("there is no such bill")]
    BillNotFound,
    /// The bill stays as it is.
    #[error("the bill is not changed")]
    NotChanged(#[from] NotChanged),
    /// An amount cannot be used.
    #[error("the amount cannot be used")]
    Amount {
        /// The field it is in.
        field: &'static str,
        /// What must hold.
        rule: &'static str,
    },
    /// An amount is in another currency than what it is about.
    #[error("the amount is of another currency")]
    AmountCurrency(&'static str),
    /// It is not said why.
    #[error("the reason cannot be used")]
    Grounds(#[from] grounds::Error),
    /// There is no such page.
    #[error("the page asked for does not exist")]
    Page(#[from] paging::Invalid),
    /// There is no such payment, or the caller may not know of it.
    #[error("there is no such payment")]
    PaymentNotFound,
    /// Its outcome is known.
    #[error("the payment's outcome is known")]
    PaymentOver(#[from] Over),
    /// A payment of the bill is under way.
    #[error("a payment of the bill is under way")]
    PaymentUnderWay,
    /// The payer cannot be sent there.
    #[error("the return URL cannot be used")]
    ReturnUrl(#[source] NoReturnUrl),
    /// Nobody takes the tenant's money.
    #[error("the tenant has no account at a payment provider")]
    NoProviderAccount,
    /// Nothing is given back.
    #[error("nothing is refunded")]
    NotRefunded(#[from] NotRefunded),
    /// It has as many as it can have.
    #[error("the payment has as many refunds as it can have")]
    TooManyRefunds,
    /// No account has this name.
    #[error("there is no such account at a provider")]
    AccountNotFound,
    /// It is not what a provider sends.
    #[error("the callback cannot be used")]
    Callback,
    /// It was not the provider, or not now.
    #[error("the signature is not accepted")]
    Signature(#[source] signature::Invalid),
    /// There is no such job in the tenant.
    #[error("there is no such job")]
    JobNotFound,
    /// Somebody else has the job.
    #[error("somebody else has the job")]
    JobLeased {
        /// For how long.
        wait: Duration,
    },
    /// Nothing is left to do for the job.
    #[error("the job is finished")]
    JobFinished,
    /// There is no such settlement in the tenant.
    #[error("there is no such settlement")]
    SettlementNotFound,
    /// The text is not a month.
    #[error("the month cannot be used")]
    Month(#[source] NoMonth),
    /// It is not closed.
    #[error("the period is not closed")]
    NotClosed(#[from] NotClosed),
    /// There is no such adjustment in the tenant.
    #[error("there is no such adjustment")]
    AdjustmentNotFound,
    /// The adjustment breaks these rules, at least one.
    #[error("the adjustment breaks {} rules", .0.len())]
    Adjustment(Vec<Broken>),
    /// It is neither approved nor rejected.
    #[error("the decision is not one that can be taken")]
    NoDecision,
    /// It is not decided.
    #[error("the adjustment is not decided")]
    NotDecided(#[from] NotDecided),
    /// What has happened cannot be posted: a defect.
    #[error("the entry cannot be posted")]
    Entry(#[from] NoEntry),
    /// What is stored cannot be added up: a defect.
    #[error("a sum is out of range")]
    Overflow(#[from] Overflow),
    /// The database did not do its part.
    #[error("the database failed")]
    Database(#[from] pg::Error),
    /// Words cannot be sealed or opened.
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
            Error::Bill(broken) => fields(new(Code::InvalidArgument, reason::BILL_INVALID), broken),
            Error::Run(broken) => fields(new(Code::InvalidArgument, reason::BILL_RUN_INVALID), broken),
            Error::RunExists => new(Code::Conflict, reason::BILL_RUN_EXISTS),
            Error::RunNotFound => new(Code::NotFound, reason::BILL_RUN_NOT_FOUND),
            Error::ReferenceTaken => new(Code::Conflict, reason::BILL_REFERENCE_TAKEN),
            Error::BillNotFound => new(Code::NotFound, reason::BILL_NOT_FOUND),
            Error::NotChanged(NotChanged::Status) => new(Code::Conflict, reason::BILL_STATE),
            Error::NotChanged(NotChanged::UnderWay) | Error::PaymentUnderWay => {
                Self::new(Code::Conflict, reason::PAYMENT_UNDER_WAY, "a payment of the bill is under way")
            }
            Error::NotChanged(NotChanged::AboveOutstanding) => {
                new(Code::Conflict, reason::AMOUNT_ABOVE_OUTSTANDING)
            }
            Error::NotChanged(NotChanged::AboveReserved) | Error::Entry(_) | Error::Overflow(_) => {
                Self::internal(error)
            }
            Error::Amount { field, rule } => {
                new(Code::InvalidArgument, reason::AMOUNT_INVALID).violation(field, rule)
            }
            Error::AmountCurrency(field) => new(Code::InvalidArgument, reason::AMOUNT_INVALID)
                .violation(field, "must be in the currency of the bill or payment"),
            Error::Grounds(rule) => rule.into(),
            Error::Page(invalid) => invalid.into(),
            Error::PaymentNotFound => new(Code::NotFound, reason::PAYMENT_NOT_FOUND),
            Error::PaymentOver(_) | Error::NotRefunded(NotRefunded::NotCharged) => {
                new(Code::Conflict, reason::PAYMENT_STATE)
            }
            Error::ReturnUrl(rule) => new(Code::InvalidArgument, reason::RETURN_URL_INVALID)
                .violation("return_url", rule.to_string()),
            Error::NoProviderAccount => new(Code::Unavailable, reason::PROVIDER_ACCOUNT_MISSING),
            Error::NotRefunded(NotRefunded::Stale) => {
                new(Code::PreconditionFailed, reason::AMOUNT_AVAILABLE_STALE)
            }
            Error::NotRefunded(NotRefunded::AboveAvailable) => {
                new(Code::Conflict, reason::AMOUNT_ABOVE_AVAILABLE)
            }
            Error::TooManyRefunds => new(Code::Conflict, reason::REFUND_LIMIT_REACHED),
            Error::AccountNotFound => new(Code::NotFound, reason::ACCOUNT_NOT_FOUND),
            Error::Callback => new(Code::InvalidArgument, reason::CALLBACK_INVALID)
                .violation("body", "must be 1 byte to 64 KiB, and a callback of the provider"),
            Error::Signature(_) => new(Code::Unauthenticated, reason::SIGNATURE_INVALID),
            Error::JobNotFound => new(Code::NotFound, reason::JOB_NOT_FOUND),
            Error::JobLeased { wait } => new(Code::Conflict, reason::JOB_LEASED).retry_after(wait),
            Error::JobFinished => new(Code::Conflict, reason::JOB_FINISHED),
            Error::SettlementNotFound => new(Code::NotFound, reason::SETTLEMENT_NOT_FOUND),
            Error::Month(rule) => {
                new(Code::InvalidArgument, reason::MONTH_INVALID).violation("month", rule.to_string())
            }
            Error::NotClosed(NotClosed::NotOver) => new(Code::Conflict, reason::PERIOD_NOT_OVER),
            Error::NotClosed(NotClosed::Closed) => new(Code::Conflict, reason::PERIOD_CLOSED),
            Error::AdjustmentNotFound => new(Code::NotFound, reason::ADJUSTMENT_NOT_FOUND),
            Error::Adjustment(broken) => {
                fields(new(Code::InvalidArgument, reason::ADJUSTMENT_INVALID), broken)
            }
            Error::NoDecision => new(Code::InvalidArgument, reason::DECISION_INVALID)
                .violation("decision", "must be approved or rejected"),
            Error::NotDecided(NotDecided::Decided) => new(Code::Conflict, reason::ADJUSTMENT_DECIDED),
            Error::NotDecided(NotDecided::SecondPersonNeeded)
            | Error::NotClosed(NotClosed::SecondPersonNeeded) => {
                new(Code::Conflict, reason::SECOND_PERSON_NEEDED)
            }
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
