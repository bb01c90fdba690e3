//! How a handler fails.

use kafka::DecodeError;

/// Any error that a handler met.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a handler did not apply an event.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Something it depends on is away or busy: tried again until it works, with growing waits, while later events
    /// of the partition wait.
    #[error("the event cannot be applied now")]
    Retry(#[source] BoxError),
    /// The event can never be applied as things are: it is parked, and its key's later ones behind it.
    #[error("the event cannot be applied ({reason})")]
    Poison {
        /// A stable name, `UPPER_SNAKE_CASE`, for operators and metrics.
        reason: &'static str,
        /// What is wrong. Logged, so that it must not quote personal data.
        #[source]
        source: BoxError,
    },
}

impl Failure {
    /// Try again later.
    pub fn retry(source: impl Into<BoxError>) -> Self {
        Self::Retry(source.into())
    }

    /// Park it. `reason` is `UPPER_SNAKE_CASE`.
    pub fn poison(reason: &'static str, source: impl Into<BoxError>) -> Self {
        Self::Poison { reason, source: source.into() }
    }
}

impl From<pg::Error> for Failure {
    fn from(error: pg::Error) -> Self {
        let is_of_the_event = match &error {
            pg::Error::Statement(sqlx::Error::Database(database)) => {
                // Data that does not fit, and broken constraints. Anything else that a statement can die of, such as a
                // missing table or right, is the deployment's fault and hits every event.
                database.code().is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
            }
            pg::Error::Statement(sqlx::Error::RowNotFound) | pg::Error::Ignored => true,
            _ => false,
        };
        if is_of_the_event { Self::poison("STATEMENT_FAILED", error) } else { Self::retry(error) }
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        pg::Error::from(error).into()
    }
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        Self::poison("PAYLOAD_UNREADABLE", error)
    }
}

impl From<ids::Error> for Failure {
    fn from(error: ids::Error) -> Self {
        Self::poison("PAYLOAD_INVALID", error)
    }
}
