//! How long to wait before the next try.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use tokio::time::Instant;

/// Waits that double from a tenth of a second up to a limit, with jitter, so that replicas do not try in step.
#[derive(Debug)]
pub(crate) struct Backoff {
    limit: Duration,
    waits: ExponentialBackoff,
    until: Option<Instant>,
}

impl Backoff {
    pub(crate) fn up_to(limit: Duration) -> Self {
        // The jitter adds up to as much again.
        let waits = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(limit / 2)
            .with_jitter()
            .without_max_times();
        Self { limit, waits: waits.build(), until: None }
    }

    /// Notes a failure and says how long to wait.
    pub(crate) fn fail(&mut self) -> Duration {
        let wait = self.waits.next().unwrap_or(self.limit);
        self.until = Some(Instant::now() + wait);
        wait
    }

    /// Starts again from the shortest wait.
    pub(crate) fn reset(&mut self) {
        *self = Self::up_to(self.limit);
    }

    /// Whether the wait of the last failure is not over.
    pub(crate) fn is_waiting(&self) -> bool {
        self.until.is_some_and(|until| until > Instant::now())
    }
}
