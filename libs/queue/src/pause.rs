//! Waiting for what is down.

use std::fmt;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Longest pause between two looks at a closed gate or an SQS that does not answer.
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// A growing pause that logs once what it waits for.
#[derive(Default)]
pub(crate) struct Pause {
    /// Whether it was said what it waits for.
    pub(crate) noted: bool,
    length: Duration,
}

impl Pause {
    pub(crate) fn note(&mut self, queue: &str, what: &'static str, error: &dyn fmt::Display) {
        if !self.noted {
            tracing::warn!(queue.name = queue, error = %error, "{what}");
            self.noted = true;
        }
    }

    pub(crate) async fn pass(&mut self, shutdown: &CancellationToken) {
        self.length = (self.length * 2).clamp(Duration::from_millis(100), MAX_PAUSE);
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(self.length) => {}
        }
    }
}
