//! What `/ready` shows besides the dependencies themselves.

use clock::Clock;
use pg::Db;
use service::BoxError;
use time::Duration;

use crate::db;

/// How long events and jobs may wait before it is shown. A relay needs milliseconds.
const LATE: Duration = Duration::seconds(30);

/// Ok while what was appended reaches Kafka and SQS. Documents are handed in and read without them too: what waits is
/// not lost.
pub(crate) async fn relayed(db: Db, clock: Clock) -> Result<(), BoxError> {
    let oldest =
        db.system(|tx| Box::pin(async move { Ok::<_, pg::Error>(db::waiting::oldest(tx).await?) })).await?;
    match oldest.map(|oldest| clock.now() - oldest) {
        Some(wait) if wait > LATE => {
            Err(format!("events or jobs wait since {} s", wait.whole_seconds()).into())
        }
        _ => Ok(()),
    }
}
