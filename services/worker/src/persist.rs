//! Trying again while a job's lease lasts.
//!
//! A job that was claimed is this process's until its lease ends: handing it back to the queue would only have it refused
//! there until then. So what fails for now is tried again here, and only at the end of the lease handed back.

use std::future::Future;
use std::time::Duration;

use service::Shutdown;
use tokio::time::{Instant, sleep};

/// How long after its claim a job is worked on; a lease is five minutes, a scan's longer where its owner says so.
pub const LEASE: Duration = Duration::from_secs(240);

/// What is left of a lease when work on its job ends.
const SPARE: Duration = Duration::from_secs(60);

/// How long after its claim a job is worked on whose lease has that many seconds.
#[must_use]
pub fn within(lease_seconds: i64) -> Duration {
    Duration::from_secs(lease_seconds.unsigned_abs()).saturating_sub(SPARE).max(LEASE)
}

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Whether to go on when asked to stop.
#[derive(Clone, Debug)]
pub enum OnStop {
    /// Hand the job back: nothing is lost but time.
    GiveBack(Shutdown),
    /// Go on until cut: something was done that must not be done again.
    GoOn,
}

/// Does `work` until it succeeds, fails for good, or `until` has come. Pauses grow from a quarter of a second to five.
///
/// # Errors
/// The last error of `work`.
pub async fn persist<T, E, F>(
    until: Instant,
    on_stop: &OnStop,
    transient: impl Fn(&E) -> bool,
    mut work: impl FnMut() -> F,
) -> Result<T, E>
where
    E: std::fmt::Display,
    F: Future<Output = Result<T, E>>,
{
    let mut pause = FIRST_PAUSE;
    loop {
        let error = match work().await {
            Ok(value) => return Ok(value),
            Err(error) if !transient(&error) || Instant::now() + pause >= until => return Err(error),
            Err(error) => error,
        };
        tracing::info!(error = %error, retry.after_ms = pause.as_millis(), "step failed for now");
        match on_stop {
            OnStop::GoOn => sleep(pause).await,
            OnStop::GiveBack(shutdown) => tokio::select! {
                () = sleep(pause) => {}
                () = shutdown.requested() => return Err(error),
            },
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_goes_on_until_it_works_or_the_lease_is_over() {
        let tries = Cell::new(0);
        let works_at = |nth| {
            tries.set(0);
            let tries = &tries;
            move || async move {
                tries.set(tries.get() + 1);
                if tries.get() == nth { Ok(nth) } else { Err("down") }
            }
        };
        let until = || Instant::now() + LEASE;
        assert_eq!(persist(until(), &OnStop::GoOn, |_| true, works_at(9)).await, Ok(9));
        let started = Instant::now();
        assert_eq!(persist(until(), &OnStop::GoOn, |_| true, works_at(1_000)).await, Err("down"));
        assert!(started.elapsed() <= LEASE && started.elapsed() > LEASE - 2 * LONGEST_PAUSE);
        assert_eq!(persist(until(), &OnStop::GoOn, |_| false, works_at(2)).await, Err("down"));
        assert_eq!(tries.get(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_hands_back_what_was_not_done() {
        let shutdown = Shutdown::manual(Duration::from_secs(25));
        shutdown.request();
        let started = Instant::now();
        let until = started + LEASE;
        let result =
            persist(until, &OnStop::GiveBack(shutdown), |_| true, || async { Err::<(), _>("down") }).await;
        assert_eq!((result, started.elapsed()), (Err("down"), Duration::ZERO));
    }
}
