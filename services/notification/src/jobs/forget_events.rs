//! Forgets which events were applied, long after Kafka has forgotten them.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::State;

/// Topics keep events for 14 days; the rest is margin for a topic whose retention was raised.
const KEEP: Duration = Duration::from_secs(28 * 24 * 3_600);
const BATCH: i64 = 1_000;
const EVERY: Duration = Duration::from_secs(3_600);

/// Sweeps every hour until `shutdown`.
pub async fn run(state: State, shutdown: CancellationToken) {
    loop {
        match consumer::sweep(&state.db, state.clock.now() - KEEP, BATCH).await {
            Ok(swept) if swept >= BATCH.unsigned_abs() && !shutdown.is_cancelled() => continue,
            Ok(swept) => tracing::debug!(inbox.swept = swept, "forgot applied events"),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot forget applied events");
            }
        }
        if shutdown.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
            return;
        }
    }
}
