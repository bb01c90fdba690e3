//! Table `outbox`, which is the library's: how long its rows have waited.

use sqlx::PgConnection;
use time::OffsetDateTime;

/// When the oldest row was appended that is still to be published. Reads the first row of each lane only.
#[tracing::instrument(name = "db.outbox.oldest", skip_all)]
pub async fn oldest(db: &mut PgConnection) -> sqlx::Result<Option<OffsetDateTime>> {
    sqlx::query_scalar!(
        r#"select least(
               (select time from outbox where lane = 'topic' order by seq limit 1),
               (select time from outbox where lane = 'queue' order by seq limit 1)
           ) as "oldest""#,
    )
    .fetch_one(db)
    .await
}
