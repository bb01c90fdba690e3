//! All SQL of the table `idempotency`.

use ids::Tenant;
use sqlx::PgConnection;
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

pub(crate) async fn find(
    connection: &mut PgConnection,
    tenant: &Tenant,
    scope: &[u8; 32],
    now: OffsetDateTime,
) -> Result<Found, pg::Error> {
    let row = sqlx::query!(
        r#"select pg_try_advisory_xact_lock($1) as "free!", stored.fingerprint as "fingerprint?", stored.answer as "answer?"
             from (select) as call
             left join idempotency stored on stored.tenant = $2 and stored.scope = $3 and stored.expires_at > $4"#,
        crate::scope::lock(scope),
        tenant.as_str(),
        scope.as_slice(),
        now,
    )
    .fetch_one(connection)
    .await?;
    Ok(match (row.fingerprint, row.answer) {
        (Some(fingerprint), Some(answer)) => Found::Stored(Stored { fingerprint, answer }),
        _ if row.free => Found::Free,
        _ => Found::InFlight,
    })
}

/// Stores an answer. `false`: another call stored one meanwhile.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    tenant: &Tenant,
    scope: &[u8; 32],
    stored: &Stored,
    now: OffsetDateTime,
    expires_at: OffsetDateTime,
) -> Result<bool, pg::Error> {
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
    .execute(connection)
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
