use std::time::Duration;

use sqlx::postgres::{PgDatabaseError, PgSeverity};

/// Why a unit of work, or something around it, did not succeed.
///
/// Everything but [`Error::CommitUnknown`] means: nothing of the unit is stored.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection became free in time: every one is busy, or the server does not answer.
    #[error("no database connection within the time allowed")]
    Busy(#[source] sqlx::Error),

    /// The server cannot be reached, refuses new sessions, or the connection broke before the commit.
    #[error("the database cannot be reached")]
    Unreachable(#[source] sqlx::Error),

    /// The server undid the unit because of others (deadlock, lock wait, time limit); the same call may succeed.
    #[error("the database undid the transaction because of concurrent work or a time limit")]
    Undone(#[source] sqlx::Error),

    /// A statement failed, or a row could not be read.
    #[error("a statement failed")]
    Statement(#[source] sqlx::Error),

    /// The unit returned `Ok` although one of its statements had failed, so that the server could only roll back; or
    /// it ended its transaction itself, which no unit may.
    #[error("a statement's failure was ignored, so the transaction could not be committed")]
    Ignored,

    /// The connection broke while the commit was under way: it may have happened or not. Call again with the
    /// same idempotency key to find out.
    #[error("the connection broke during commit, whose outcome is unknown")]
    CommitUnknown(#[source] sqlx::Error),

    /// Another process took over what this unit was doing, so that it must not be kept.
    #[error("another process took over")]
    Fenced,

    /// A migration that was applied is not the one in this binary, or one failed.
    #[error("the migrations cannot be applied")]
    Migrate(#[source] sqlx::migrate::MigrateError),

    /// A database URL or a name is not usable; the text says which rule it breaks and never repeats the value.
    #[error("{0}")]
    Invalid(&'static str),

    /// The process is shutting down.
    #[error("the database pool is closed")]
    Closed,
}

impl Error {
    /// Whether the same call may succeed when it is made again: the cause was load, other transactions or the
    /// connection. True for [`Error::CommitUnknown`] too, where the repeat needs an idempotency key.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Busy(_) | Self::Unreachable(_) | Self::Undone(_) | Self::CommitUnknown(_) => true,
            Self::Fenced | Self::Closed => true,
            Self::Statement(_) | Self::Ignored | Self::Migrate(_) | Self::Invalid(_) => false,
        }
    }

    /// The name of the constraint that a statement violated, if that is what happened.
    #[must_use]
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Statement(sqlx::Error::Database(error)) => error.constraint(),
            _ => None,
        }
    }

    /// What a failed commit means. Only an error of severity ERROR proves that nothing was committed: a broken
    /// connection and a FATAL (the backend is told to stop) may come after the commit record was written.
    pub(crate) fn from_commit(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) if severity(&**database) == Some(PgSeverity::Error) => {
                if database.code().as_deref() == Some("25P02") { Self::Ignored } else { Self::from(error) }
            }
            _ => Self::CommitUnknown(error),
        }
    }
}

fn severity(error: &dyn sqlx::error::DatabaseError) -> Option<PgSeverity> {
    error.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::severity)
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut => Self::Busy(error),
            sqlx::Error::PoolClosed => Self::Closed,
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::WorkerCrashed => Self::Unreachable(error),
            sqlx::Error::Database(database) => match database.code().as_deref() {
                // Serialization failure, deadlock, lock timeout, statement timeout or cancel.
                Some("40001" | "40P01" | "55P03" | "57014") => Self::Undone(error),
                // Too many connections, shutdown, starting up, a login refused, a session ended for idling.
                Some(code) if code.starts_with("08") || code.starts_with("28") || code.starts_with("53") => {
                    Self::Unreachable(error)
                }
                Some("57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "25P04" | "3D000") => {
                    Self::Unreachable(error)
                }
                _ => Self::Statement(error),
            },
            _ => Self::Statement(error),
        }
    }
}

impl From<Error> for rpc_error::Error {
    fn from(error: Error) -> Self {
        if error.is_transient() {
            // Load and restarts pass within seconds.
            Self::unavailable(error).retry_after(Duration::from_secs(1))
        } else {
            Self::internal(error)
        }
    }
}

impl From<sqlx::migrate::MigrateError> for Error {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        match error {
            sqlx::migrate::MigrateError::Execute(error) => Self::from(error),
            error => Self::Migrate(error),
        }
    }
}
