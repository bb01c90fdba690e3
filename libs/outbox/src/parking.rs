//! Rows that can never be published, and what waits behind them.

use clock::Clock;
use pg::{Db, SystemTx};

/// The reason of a row that waits behind a parked one of its destination and key.
pub(crate) const BEHIND: &str = "BEHIND_PARKED";
/// Held by whoever marks rows or clears marks, so that no row is left behind a key that has just been released. The two
/// numbers: "ghld", and parking's among Guildhall's.
const LOCK: (i32, i32) = (0x6768_6c64, 2);

pub(crate) async fn lock(tx: &mut SystemTx) -> Result<(), pg::Error> {
    let lock =
        sqlx::query_scalar!(r#"select pg_advisory_xact_lock($1, $2)::text as "locked""#, LOCK.0, LOCK.1);
    lock.fetch_one(&mut **tx).await?;
    Ok(())
}

/// Parks one row for a reason of its own.
pub(crate) async fn park(
    db: &Db,
    clock: &Clock,
    lane: &'static str,
    seq: i64,
    reason: String,
) -> Result<(), pg::Error> {
    let now = clock.now();
    db.system(move |tx| {
        Box::pin(async move {
            lock(tx).await?;
            let park = sqlx::query!(
                "update outbox set parked_at = $3, parked_reason = $4
                  where lane = $1 and seq = $2 and parked_reason is null",
                lane,
                seq,
                now,
                reason,
            );
            park.execute(&mut **tx).await?;
            Ok(())
        })
    })
    .await
}

/// Parks events behind the parked ones of their keys; `false` when one of the keys is parked no longer.
pub(crate) async fn park_behind(db: &Db, clock: &Clock, seqs: Vec<i64>) -> Result<bool, pg::Error> {
    let now = clock.now();
    db.system(move |tx| {
        Box::pin(async move {
            lock(tx).await?;
            let park = sqlx::query!(
                "update outbox later set parked_at = $2, parked_reason = $3
                  where lane = 'topic' and seq = any ($1) and parked_reason is null
                    and exists (select from outbox first
                                 where first.lane = later.lane and first.destination = later.destination
                                   and first.key = later.key and first.parked_reason <> 'BEHIND_PARKED')",
                &seqs,
                now,
                BEHIND,
            );
            let parked = park.execute(&mut **tx).await?.rows_affected();
            Ok(usize::try_from(parked).is_ok_and(|parked| parked == seqs.len()))
        })
    })
    .await
}
