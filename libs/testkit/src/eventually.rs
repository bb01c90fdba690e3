//! Waiting for a condition instead of sleeping.

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

/// Tries `probe` until it is `Ok`, first at once, then every few milliseconds, for `within` at most.
///
/// # Errors
/// The last error of `probe`, when the time is over.
///
/// # Panics
/// When `probe` hangs for longer than the time plus 10 s.
pub async fn eventually<T, E, F, P>(within: Duration, mut probe: P) -> Result<T, E>
where
    E: Debug,
    F: Future<Output = Result<T, E>>,
    P: FnMut() -> F,
{
    let deadline = Instant::now() + within;
    let mut pause = Duration::from_millis(2);
    loop {
        let Ok(result) = timeout_at(deadline + Duration::from_secs(10), probe()).await else {
            panic!("a condition neither held nor failed within {within:?}: its probe hangs");
        };
        if result.is_ok() || Instant::now() >= deadline {
            return result;
        }
        sleep(pause.min(deadline.saturating_duration_since(Instant::now()))).await;
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_returns_as_soon_as_the_condition_holds() {
        let tries = Cell::new(0);
        let found = eventually(Duration::from_secs(5), || async {
            tries.set(tries.get() + 1);
            if tries.get() == 4 { Ok(tries.get()) } else { Err("not yet") }
        });
        assert_eq!(found.await, Ok(4));
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_error_says_what_is_missing() {
        let started = Instant::now();
        let found: Result<(), _> = eventually(Duration::from_secs(5), || async { Err("still 3 of 4") }).await;
        assert_eq!(found, Err("still 3 of 4"));
        assert!(started.elapsed() < Duration::from_secs(6));
    }
}
