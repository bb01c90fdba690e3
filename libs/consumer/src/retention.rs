//! Forgets events, and makes room for the next ones.

use std::time::Duration;

use clock::Clock;
use pg::Db;
use sqlx::postgres::types::PgInterval;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

/// Topics keep events for 14 days from when they got them. The rest is margin: for a topic whose retention was raised,
/// for a broker that deletes whole segments later than it might, and for a group that is set back after a restore.
const KEEP: Duration = Duration::from_secs(28 * 24 * 3_600);
const EVERY: Duration = Duration::from_secs(3_600);

/// Most rows of the default partition that one call deletes.
const MOST: i32 = 1_000;

/// What a call of [`forget`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Weeks for which a partition of the inbox was made.
    pub made: i32,
    /// Weeks that were forgotten.
    pub dropped: i32,
    /// Events without such a week that were forgotten; when they are many, the next call has more of them.
    pub deleted: i32,
}

impl Forgotten {
    /// Whether there may be more to forget at once.
    #[must_use]
    pub fn is_cut_short(&self) -> bool {
        self.deleted >= MOST
    }
}

/// Forgets the events that were applied more than `keep` before `now`, whole weeks of them at a time, and prepares the
/// inbox for this week and the next four. To be called every hour or so, by any number of processes.
///
/// Keep events longer than any topic does: an event that is forgotten and delivered again is applied again.
///
/// # Errors
/// What the database says; for example that consumers were too busy to let it at the table for a moment.
pub async fn forget(db: &Db, now: OffsetDateTime, keep: Duration) -> Result<Forgotten, pg::Error> {
    let micros = i64::try_from(keep.as_micros()).unwrap_or(i64::MAX);
    let keep = PgInterval { months: 0, days: 0, microseconds: micros };
    db.system(move |tx| {
        Box::pin(async move {
            let rolled = sqlx::query_as!(
                Forgotten,
                r#"select made as "made!", dropped as "dropped!", deleted as "deleted!" from inbox_roll($1, $2, $3)"#,
                now,
                keep,
                MOST,
            );
            Ok(rolled.fetch_one(&mut **tx).await?)
        })
    })
    .await
}

/// [`forget`] every hour until `shutdown`, what was applied more than 28 days ago.
pub async fn forget_until(db: Db, clock: Clock, shutdown: CancellationToken) {
    loop {
        match forget(&db, clock.now(), KEEP).await {
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
