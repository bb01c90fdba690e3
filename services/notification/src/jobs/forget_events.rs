//! Forgets which events were applied, long after Kafka has forgotten them.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::State;

/// Topics keep events for 14 days from when they got them. The rest is margin: for a topic whose retention was raised,
/// for a broker that deletes whole segments later than it might, and for a group that is set back after a restore.
const KEEP: Duration = Duration::from_secs(28 * 24 * 3_600);
const EVERY: Duration = Duration::from_secs(3_600);

/// Forgets every hour until `shutdown`, and prepares the inbox for the coming weeks.
pub async fn run(state: State, shutdown: CancellationToken) {
    loop {
        match consumer::forget(&state.db, state.clock.now(), KEEP).await {
            Ok(forgotten) if forgotten.is_cut_short() && !shutdown.is_cancelled() => continue,
            Ok(forgotten) => tracing::debug!(
                inbox.weeks_made = forgotten.made,
                inbox.weeks_dropped = forgotten.dropped,
                inbox.deleted = forgotten.deleted,
                "forgot applied events"
            ),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot forget applied events");
            }
        }
        if shutdown.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
            return;
        }
    }
}
