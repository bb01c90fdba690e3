use rpc_error::{Code, reason};

use crate::kms;

/// Why something cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The subject was erased: nothing more is kept of it.
    #[error("the subject was erased")]
    Erased,
    /// The key-management service cannot do it now, or refuses to.
    #[error("the key-management service did not do it")]
    Kms(#[from] kms::Error),
    /// The subject's keys changed since they were fetched, or were not asked for.
    #[error("the subject's keys were not fetched before the transaction")]
    NotFetched,
    /// The bytes were not sealed for this tenant, subject and column, or were altered.
    #[error("the bytes are not what was sealed for this tenant, subject and column")]
    Altered,
    /// The operating system gave no randomness, or the text is longer than the cipher can take.
    #[error("the cipher failed")]
    Cipher,
    /// The database's.
    #[error(transparent)]
    Database(#[from] pg::Error),
}

impl From<Error> for rpc_error::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Erased => Self::new(Code::Gone, reason::SUBJECT_ERASED, error.to_string()),
            // A race with who made the key; the repeat fetches it.
            Error::Kms(_) | Error::NotFetched => Self::unavailable(error),
            Error::Altered | Error::Cipher => Self::internal(error),
            Error::Database(error) => error.into(),
        }
    }
}
