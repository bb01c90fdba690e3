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
        /// What was asked for, as a verb: `head`, `get`, `copy`, `delete`, …
        operation: &'static str,
        /// The client's own error.
        #[source]
        source: Source,
    },
    /// There is no multipart upload of this id for this key, and no object that it would have become: it was aborted, or
    /// never begun.
    #[error("the multipart upload does not exist")]
    NoUpload,
    /// The parts do not make the object: one is missing, another one, or too small, or the object was put together from
    /// others before.
    #[error("the parts do not make the object: {0}")]
    Parts(String),
    /// The store is putting the object together and has not come to the end.
    #[error("the object is still being put together")]
    Assembling,
    /// Object lock or a legal hold forbids it, or the credentials do.
    #[error("{0} is locked")]
    Locked(String),
    /// An object is larger than whoever reads it takes.
    #[error("the object is larger than {limit} bytes")]
    TooLarge {
        /// What would be taken, in bytes.
        limit: usize,
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
        matches!(self, Self::Request { .. } | Self::Assembling | Self::Credentials(_))
    }
}
