//! What a handler gets, and what it answers.

use std::time::Duration;

use time::OffsetDateTime;

use crate::Job;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A job that was received.
#[derive(Clone, Debug)]
pub struct Received {
    /// The job.
    pub job: Job,
    /// How often it was received, this time included; 1 at first.
    pub receive_count: u32,
    /// When it was sent; unknown where the server does not say.
    pub sent_at: Option<OffsetDateTime>,
    /// Its attributes, sorted by name.
    pub attributes: Vec<(String, String)>,
}

impl Received {
    /// An attribute of the message, for example `traceparent` or `x-request-id`.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// Why a job is not done.
#[derive(Debug)]
pub enum Failure {
    /// Not the job's fault: a dependency is down, or somebody else holds the lease. It is tried again, however often.
    Retry {
        /// When to try again; by default after 1 s, doubled on each receipt, at most a minute.
        after: Option<Duration>,
        /// What happened.
        source: BoxError,
    },
    /// It can never succeed. It goes to the dead-letter queue once the queue's receive limit is used up, at once.
    Poison {
        /// Machine code, for the log.
        reason: &'static str,
        /// What happened.
        source: BoxError,
    },
}

impl Failure {
    /// A [`Failure::Retry`] with the default pause.
    pub fn retry(source: impl Into<BoxError>) -> Self {
        Self::Retry { after: None, source: source.into() }
    }

    /// A [`Failure::Retry`] after a pause of its own (whole seconds).
    pub fn retry_after(after: Duration, source: impl Into<BoxError>) -> Self {
        Self::Retry { after: Some(after), source: source.into() }
    }

    /// A [`Failure::Poison`].
    pub fn poison(reason: &'static str, source: impl Into<BoxError>) -> Self {
        Self::Poison { reason, source: source.into() }
    }
}
