//! What can go wrong in a use case, and what a caller is told of it.

use std::time::Duration;

use rpc_error::{Code, reason};
use time::OffsetDateTime;

use crate::domain::delivery::InvalidTransition;
use crate::domain::job::{ClaimRefused, NeverClaimed};
use crate::domain::status::UnknownStatus;
use crate::templates;

/// Why a use case failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such recipient in the tenant, or not the caller.
    #[error("there is no such recipient")]
    RecipientNotFound,
    /// No such notification in the tenant, or not the caller's.
    #[error("there is no such notification")]
    NotificationNotFound,
    /// No such erasure in the tenant.
    #[error("there is no such erasure")]
    ErasureNotFound,
    /// No such job in the tenant.
    #[error("there is no such job")]
    JobNotFound,
    /// Another worker has the job.
    #[error("the job is leased")]
    JobLeased {
        /// How long its lease still lasts.
        remaining: Duration,
    },
    /// The job, or its delivery, has come to its end.
    #[error("the job is finished")]
    JobFinished,
    /// A job was reported that nobody has claimed.
    #[error(transparent)]
    NeverClaimed(#[from] NeverClaimed),
    /// The document that a mail speaks of cannot be read now.
    #[error("the document cannot be read")]
    Document(#[source] rpc_error::Error),
    /// A delivery is in a state that its job does not allow.
    #[error(transparent)]
    Transition(#[from] InvalidTransition),
    /// A newer version has stored what this one does not know.
    #[error(transparent)]
    Status(#[from] UnknownStatus),
    /// A template cannot be rendered.
    #[error(transparent)]
    Template(#[from] templates::Error),
    /// An idempotency key cannot be used.
    #[error(transparent)]
    Idempotency(#[from] idempotency::Error),
    /// An address cannot be sealed or opened.
    #[error(transparent)]
    Envelope(#[from] envelope::Error),
    /// The database's.
    #[error(transparent)]
    Database(#[from] pg::Error),
}

impl Error {
    pub(crate) fn from_refused(refused: ClaimRefused, now: OffsetDateTime) -> Self {
        match refused {
            ClaimRefused::Finished => Self::JobFinished,
            ClaimRefused::Leased { until } => {
                Self::JobLeased { remaining: Duration::try_from(until - now).unwrap_or_default() }
            }
        }
    }
}

impl From<Error> for rpc_error::Error {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::RecipientNotFound => Self::new(Code::NotFound, reason::RECIPIENT_NOT_FOUND, text),
            Error::NotificationNotFound => Self::new(Code::NotFound, reason::NOTIFICATION_NOT_FOUND, text),
            Error::ErasureNotFound => Self::new(Code::NotFound, reason::ERASURE_NOT_FOUND, text),
            Error::JobNotFound => Self::new(Code::NotFound, reason::JOB_NOT_FOUND, text),
            Error::JobLeased { remaining } => {
                Self::new(Code::Conflict, reason::JOB_LEASED, text).retry_after(remaining)
            }
            Error::JobFinished => Self::new(Code::Conflict, reason::JOB_FINISHED, text),
            Error::NeverClaimed(_) => Self::new(Code::InvalidArgument, reason::OUTCOME_INVALID, text)
                .violation("job_id", "must be claimed first"),
            // Whatever the owner answered, to the worker it means: try again later.
            Error::Document(source) => Self::unavailable(source),
            Error::Idempotency(error) => error.into(),
            Error::Envelope(error) => error.into(),
            Error::Database(error) => error.into(),
            Error::Transition(_) | Error::Status(_) | Error::Template(_) => Self::internal(error),
        }
    }
}
