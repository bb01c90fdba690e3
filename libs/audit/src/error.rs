use evidence::Mismatch;
use rpc_error::{Code, reason};

/// Why a chain cannot be read, sealed or proven.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database did not do its part.
    #[error("the database failed")]
    Database(#[from] pg::Error),
    /// The object store did not do its part.
    #[error("the object store failed")]
    Store(#[from] blobs::Error),
    /// What is stored is not what was signed. Nothing further is signed until somebody has looked into it.
    #[error("the chain is not what was signed")]
    Broken(#[from] Broken),
}

/// How a chain differs from what was signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Entries do.
    #[error("{0}")]
    Entries(Mismatch),
    /// The newest checkpoint in the bucket was signed by nobody known.
    #[error("the checkpoint {0} was signed by nobody known")]
    Forged(String),
    /// A proof that was made does not hold.
    #[error("entries do not lead to their checkpoint")]
    Proof,
}

impl From<Error> for rpc_error::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Database(error) => error.into(),
            Error::Store(error) if error.is_transient() => Self::unavailable(error),
            Error::Store(error) => Self::internal(error),
            Error::Broken(why) => {
                let message = "the chain is not what was signed";
                Self::new(Code::PreconditionFailed, reason::AUDIT_BROKEN, message).because(why.to_string())
            }
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}
