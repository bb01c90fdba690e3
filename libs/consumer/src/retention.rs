//! Forgets events.

use pg::Db;
use time::OffsetDateTime;

/// Forgets up to `limit` events that were applied before `before`, and returns how many. Keep them longer than any
/// topic keeps its events: an event that is forgotten and delivered again is applied again.
///
/// # Errors
/// What the database says.
pub async fn sweep(db: &Db, before: OffsetDateTime, limit: i64) -> Result<u64, pg::Error> {
    db.system(move |tx| {
        Box::pin(async move {
            let swept = sqlx::query!(
                "delete from inbox
                  where (consumer_group, event_id) in
                        (select consumer_group, event_id from inbox where applied_at < $1 limit $2)",
                before,
                limit,
            );
            Ok(swept.execute(&mut **tx).await?.rows_affected())
        })
    })
    .await
}
