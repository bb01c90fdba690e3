//! What waits, for the metrics.

use std::time::Duration;

use pg::Db;
use time::OffsetDateTime;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::relay::Relay;
use crate::{queue_lane, topic_lane};

/// How often the backlog is counted at most.
const SAMPLING: Duration = Duration::from_secs(5);
/// Counting takes no more than this part of the time.
const SHARE: u32 = 50;
/// Rows are counted up to here: more would cost more than it tells.
const COUNTED: i64 = 100_000;

pub(crate) struct Backlog {
    pub(crate) rows: i64,
    pub(crate) parked: i64,
    pub(crate) oldest: Option<OffsetDateTime>,
}

/// Measures until `stop`.
pub(crate) async fn sample(relay: Relay, stop: CancellationToken) {
    loop {
        let begun = Instant::now();
        for lane in [topic_lane::LANE, queue_lane::LANE] {
            // The lanes themselves report a database that is away.
            let Ok(backlog) = count(&relay.db, lane).await else { continue };
            let age = backlog.oldest.map_or(0.0, |oldest| (relay.clock.now() - oldest).as_seconds_f64());
            relay.metrics.backlog(lane, rows(backlog.rows), rows(backlog.parked), age.max(0.0));
        }
        let rest = SAMPLING.max(begun.elapsed() * SHARE);
        if stop.run_until_cancelled(sleep(rest)).await.is_none() {
            break;
        }
    }
    relay.metrics.backlog(topic_lane::LANE, 0, 0, 0.0);
    relay.metrics.backlog(queue_lane::LANE, 0, 0, 0.0);
}

fn rows(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

async fn count(db: &Db, lane: &'static str) -> Result<Backlog, pg::Error> {
    db.system(move |tx| {
        Box::pin(async move {
            let row = sqlx::query!(
                r#"select (select count(*)
                             from (select from outbox where lane = $1 and parked_reason is null limit $2) first) as "rows!",
                          (select count(*)
                             from (select from outbox
                                    where lane = $1 and parked_reason is not null limit $2) first) as "parked!",
                          (select time from outbox
                            where lane = $1 and parked_reason is null order by seq limit 1) as oldest"#,
                lane,
                COUNTED,
            );
            let row = row.fetch_one(&mut **tx).await?;
            Ok(Backlog { rows: row.rows, parked: row.parked, oldest: row.oldest })
        })
    })
    .await
}
