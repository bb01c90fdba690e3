//! What can go wrong between a service and SQS.

/// A request to SQS failed as a whole.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The queue is not there. Queues are made by Terraform, or by `cargo xtask up`, never by a service.
    #[error("queue {0} does not exist")]
    Missing(String),
    /// SQS could not be reached, refused the request, or did not answer in time.
    #[error("SQS did not {operation}")]
    Request {
        /// What was asked for, as a verb: `send`, `receive`, `delete` …
        operation: &'static str,
        /// The client's own error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// SQS answered without something that the API promises.
    #[error("the answer of SQS lacks {0}")]
    Incomplete(&'static str),
}

impl Error {
    pub(crate) fn request(
        operation: &'static str,
    ) -> impl FnOnce(Box<dyn std::error::Error + Send + Sync>) -> Self {
        move |source| Self::Request { operation, source }
    }
}

/// One message of a batch was not taken; the others may have been.
#[derive(Clone, Debug, thiserror::Error)]
#[error("SQS refused the message ({code}): {message}")]
pub struct EntryError {
    /// SQS's own code, `REQUEST_FAILED` where the whole request failed, or `UNANSWERED`.
    pub code: String,
    /// What SQS says about it.
    pub message: String,
    /// Whether the message itself is at fault: sending it again unchanged will not help.
    pub sender_fault: bool,
}
