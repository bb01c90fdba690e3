use std::time::Duration;

use clock::Clock;
use pg::Db;
use tokio_util::sync::CancellationToken;

use crate::store;

/// Answers deleted in one transaction.
const BATCH: i64 = 1_000;
const EVERY: Duration = Duration::from_secs(60);

/// Deletes at most 1,000 expired answers, of any tenant, as the system role; says how many.
///
/// Expired answers are not given any more whether they were swept or not: sweeping only frees space.
///
/// # Errors
/// What the unit of work returns.
pub async fn sweep(db: &Db, clock: &Clock) -> Result<u64, pg::Error> {
    let now = clock.now();
    db.system(move |tx| Box::pin(store::delete_expired(tx, now, BATCH))).await
}

/// Sweeps every minute until `shutdown`.
pub async fn sweep_until(db: Db, clock: Clock, shutdown: CancellationToken) {
    loop {
        match sweep(&db, &clock).await {
            Ok(swept) if swept >= BATCH.unsigned_abs() && !shutdown.is_cancelled() => continue,
            Ok(swept) => tracing::debug!(idempotency.swept = swept, "swept expired answers"),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot sweep expired answers");
            }
        }
        if shutdown.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
            return;
        }
    }
}
