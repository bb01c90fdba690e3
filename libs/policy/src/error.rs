/// Why a policy cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database did not do its part.
    #[error("the database failed")]
    Database(#[from] pg::Error),
    /// A version that was published is not of the shape that this build knows.
    #[error("version {version} of the policy `{kind}` cannot be read")]
    Unreadable {
        /// Which kind.
        kind: &'static str,
        /// Which version of it.
        version: i32,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<Error> for rpc_error::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Database(error) => error.into(),
            Error::Unreadable { .. } => Self::internal(error),
        }
    }
}
