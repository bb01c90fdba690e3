//! Forgets events, and makes room for the next ones.

use std::time::Duration;

use pg::Db;
use sqlx::postgres::types::PgInterval;
use time::OffsetDateTime;

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
