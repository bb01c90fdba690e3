//! What `/ready` shows of a relay.

use clock::Clock;
use pg::Db;
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};

/// How long events and jobs may wait before it is shown. A relay needs milliseconds.
const LATE: Duration = Duration::seconds(30);

/// Rows wait to be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("events or jobs wait since {0} s")]
pub struct Waiting(i64);

/// Ok while what was appended reaches Kafka and SQS. What waits is not lost, so that a service goes on without.
///
/// # Errors
/// [`Waiting`], or a [`pg::Error`].
pub async fn relayed(db: Db, clock: Clock) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let oldest = db.system(|tx| Box::pin(async move { Ok::<_, pg::Error>(oldest(tx).await?) })).await?;
    match oldest.map(|oldest| clock.now() - oldest) {
        Some(wait) if wait > LATE => Err(Waiting(wait.whole_seconds()).into()),
        _ => Ok(()),
    }
}

/// When the oldest row was appended that is still to be published. Reads the first row of each lane only.
#[tracing::instrument(name = "db.outbox.oldest", skip_all)]
async fn oldest(db: &mut PgConnection) -> sqlx::Result<Option<OffsetDateTime>> {
    sqlx::query_scalar!(
        r#"select least(
               (select time from outbox where lane = 'topic' order by seq limit 1),
               (select time from outbox where lane = 'queue' order by seq limit 1)
           ) as "oldest""#,
    )
    .fetch_one(db)
    .await
}
