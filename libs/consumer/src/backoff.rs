//! How long to wait before the next try.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

/// Waits that double from a tenth of a second up to a limit, with jitter, so that processes do not try in step.
#[derive(Debug)]
pub(crate) struct Backoff {
    limit: Duration,
    waits: ExponentialBackoff,
}

impl Backoff {
    pub(crate) fn up_to(limit: Duration) -> Self {
        // The jitter adds up to as much again.
        let waits = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(limit / 2)
            .with_jitter()
            .without_max_times();
        Self { limit, waits: waits.build() }
    }

    /// How long to wait after one more failure.
    pub(crate) fn fail(&mut self) -> Duration {
        self.waits.next().unwrap_or(self.limit)
    }

    /// Starts again from the shortest wait.
    pub(crate) fn reset(&mut self) {
        *self = Self::up_to(self.limit);
    }
}
