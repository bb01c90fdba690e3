//! A line per step: seconds since the start, who, what.

use std::time::Instant;

/// Prints steps with the time since it was made.
#[derive(Clone, Copy)]
pub(crate) struct Progress {
    start: Instant,
}

impl Progress {
    /// Starts counting now.
    pub(crate) fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// One step of `who`.
    pub(crate) fn step(self, who: &str, what: &str) {
        say!("{:>7.1}s  {who:<12} {what}", self.seconds());
    }

    /// Seconds since the start.
    pub(crate) fn seconds(self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }
}
