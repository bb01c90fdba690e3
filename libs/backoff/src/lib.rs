#![doc = include_str!("../README.md")]

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use tokio::time::Instant;

/// Waits that double up to a limit, with jitter.
#[derive(Debug)]
pub struct Backoff {
    limit: Duration,
    waits: ExponentialBackoff,
    until: Option<Instant>,
}

impl Backoff {
    /// Waits of up to `limit`.
    #[must_use]
    pub fn up_to(limit: Duration) -> Self {
        // The jitter adds up to as much again.
        let waits = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(limit / 2)
            .with_jitter()
            .without_max_times();
        Self { limit, waits: waits.build(), until: None }
    }

    /// Notes a failure and says how long to wait.
    pub fn fail(&mut self) -> Duration {
        let wait = self.waits.next().unwrap_or(self.limit);
        self.until = Some(Instant::now() + wait);
        wait
    }

    /// Starts again from the shortest wait.
    pub fn reset(&mut self) {
        *self = Self::up_to(self.limit);
    }

    /// Whether the wait of the last failure is not over.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.until.is_some_and(|until| until > Instant::now())
    }
}
