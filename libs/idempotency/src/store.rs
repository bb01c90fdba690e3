//! All SQL of the table `idempotency`.

use pg::{Call, Tx};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use time::OffsetDateTime;

/// What a finished call left.
pub(crate) struct Stored {
    pub(crate) fingerprint: Vec<u8>,
    pub(crate) answer: Vec<u8>,
}

/// A scope's finished call, if there is one that has not expired; otherwise whether we are now the only one with the
/// scope's lock, which goes with the transaction.
pub(crate) enum Found {
    Stored(Stored),
    Free,
    InFlight,
}

/// To be made with BEGIN.
pub(crate) fn find(scope: &[u8; 32], now: OffsetDateTime) -> Call {
    Call::new("idempotency_find").int(crate::scope::lock(scope)).bytes(scope).time(now)
}

/// Reads what [`find`] gave.
pub(crate) fn found(row: &PgRow) -> Result<Found, pg::Error> {
    Ok(match (row.try_get("fingerprint")?, row.try_get("answer")?) {
        (Some(fingerprint), Some(answer)) => Found::Stored(Stored { fingerprint, answer }),
        _ if row.try_get("free")? => Found::Free,
        _ => Found::InFlight,
    })
}

/// Keeps an answer. `false`: another call has kept one that is still valid, which cannot be as long as every caller
/// holds the lock. A statement with parameters, because an answer's bytes have no place in the text of one.
pub(crate) async fn keep(
    tx: &mut Tx,
    scope: &[u8; 32],
    stored: &Stored,
    now: OffsetDateTime,
    expires_at: OffsetDateTime,
) -> Result<bool, pg::Error> {
    let tenant = tx.tenant().clone();
    let result = sqlx::query!(
        "insert into idempotency as stored (tenant, scope, fingerprint, answer, expires_at)
         values ($1, $2, $3, $4, $5)
         on conflict (tenant, scope) do update
            set fingerprint = excluded.fingerprint, answer = excluded.answer, expires_at = excluded.expires_at
          where stored.expires_at <= $6",
        tenant.as_str(),
        scope.as_slice(),
        stored.fingerprint,
        stored.answer,
        expires_at,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// Deletes at most `limit` expired answers, the oldest first, and says how many.
pub(crate) async fn delete_expired(
    connection: &mut PgConnection,
    now: OffsetDateTime,
    limit: i64,
) -> Result<u64, pg::Error> {
    let result = sqlx::query!(
        "delete from idempotency
          where (tenant, scope) in (select tenant, scope from idempotency
                                     where expires_at <= $1 order by expires_at limit $2)
            and expires_at <= $1",
        now,
        limit,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected())
}
