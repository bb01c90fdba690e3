//! What can go wrong between a service and the object store.

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A request to the object store failed, or a URL could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The object is not there.
    #[error("object {0} does not exist")]
    Missing(String),
    /// The store could not be reached, refused the request, or did not answer in time.
    #[error("the object store did not {operation}")]
    Request {
        /// What was asked for, as a verb: `head`, `get`, `copy`, `delete`.
        operation: &'static str,
        /// The client's own error.
        #[source]
        source: Source,
    },
    /// No credentials could be had.
    #[error("no credentials for the object store")]
    Credentials(#[source] Source),
    /// The request cannot be signed; a key that is empty or is no path, for example.
    #[error("cannot sign the request")]
    Signing(#[source] Source),
}

impl Error {
    /// Whether trying again later may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Request { .. } | Self::Credentials(_))
    }
}
