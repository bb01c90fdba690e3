//! All SQL of the table `due`.

use ids::Tenant;
use pg::Error;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// A row that was taken.
#[derive(Clone)]
pub(crate) struct Taken {
    pub(crate) tenant: Tenant,
    pub(crate) kind: String,
    pub(crate) subject: Uuid,
    pub(crate) due_at: OffsetDateTime,
    pub(crate) attempts: u32,
    pub(crate) claim: Uuid,
}

pub(crate) async fn upsert(
    connection: &mut PgConnection,
    tenant: &Tenant,
    kind: &str,
    subject: Uuid,
    at: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into due (tenant, kind, subject, due_at, at) values ($1, $2, $3, $4, $4)
         on conflict (tenant, kind, subject) do update
            set due_at = excluded.due_at, at = excluded.at, attempts = 0, claim = null",
        tenant.as_str(),
        kind,
        subject,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    connection: &mut PgConnection,
    tenant: &Tenant,
    kind: &str,
    subject: Uuid,
) -> Result<(), Error> {
    sqlx::query!(
        "delete from due where tenant = $1 and kind = $2 and subject = $3",
        tenant.as_str(),
        kind,
        subject,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn exists(
    connection: &mut PgConnection,
    tenant: &Tenant,
    kind: &str,
    subject: Uuid,
) -> Result<bool, Error> {
    let exists = sqlx::query_scalar!(
        r#"select exists (select from due where tenant = $1 and kind = $2 and subject = $3) as "exists!""#,
        tenant.as_str(),
        kind,
        subject,
    );
    Ok(exists.fetch_one(connection).await?)
}

/// Takes up to `limit` rows of each kind, the earliest first, for a lease that ends at `until`.
pub(crate) async fn take(
    connection: &mut PgConnection,
    kinds: &[String],
    now: OffsetDateTime,
    until: OffsetDateTime,
    limit: i64,
) -> Result<Vec<Taken>, Error> {
    let rows = sqlx::query!(
        r#"with earliest as (
              select row.tenant, row.kind, row.subject
                from unnest($1::text[]) as wanted (kind)
               cross join lateral (select due.tenant, due.kind, due.subject
                                     from due
                                    where due.kind = wanted.kind and due.at <= $2
                                    order by due.at
                                    limit $3
                                      for update skip locked) as row
           )
           update due set claim = gen_random_uuid(), at = $4
             from earliest
            where due.tenant = earliest.tenant and due.kind = earliest.kind and due.subject = earliest.subject
        returning due.tenant as "tenant: Tenant", due.kind, due.subject, due.due_at, due.attempts, due.claim as "claim!""#,
        kinds,
        now,
        limit,
        until,
    )
    .fetch_all(connection)
    .await?;
    let taken = rows.into_iter().map(|row| Taken {
        tenant: row.tenant,
        kind: row.kind,
        subject: row.subject,
        due_at: row.due_at,
        attempts: row.attempts.unsigned_abs(),
        claim: row.claim,
    });
    Ok(taken.collect())
}

/// Whether the claim still stands. Takes no lock: handlers lock the subject's own row first, as everybody else does
/// who then writes here.
pub(crate) async fn is_claimed(
    connection: &mut PgConnection,
    tenant: &Tenant,
    kind: &str,
    subject: Uuid,
    claim: Uuid,
) -> Result<bool, Error> {
    let standing = sqlx::query_scalar!(
        r#"select exists (select from due where tenant = $1 and kind = $2 and subject = $3 and claim = $4) as "standing!""#,
        tenant.as_str(),
        kind,
        subject,
        claim,
    );
    Ok(standing.fetch_one(connection).await?)
}

/// Deletes the row if the claim still stands; says whether it does.
pub(crate) async fn delete_claimed(
    connection: &mut PgConnection,
    tenant: &Tenant,
    kind: &str,
    subject: Uuid,
    claim: Uuid,
) -> Result<bool, Error> {
    let result = sqlx::query!(
        "delete from due where tenant = $1 and kind = $2 and subject = $3 and claim = $4",
        tenant.as_str(),
        kind,
        subject,
        claim,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// Moves the row if the claim still stands; says whether it does.
pub(crate) async fn reschedule_claimed(
    connection: &mut PgConnection,
    tenant: &Tenant,
    kind: &str,
    subject: Uuid,
    claim: Uuid,
    at: OffsetDateTime,
) -> Result<bool, Error> {
    let result = sqlx::query!(
        "update due set due_at = $5, at = $5, attempts = 0, claim = null
          where tenant = $1 and kind = $2 and subject = $3 and claim = $4",
        tenant.as_str(),
        kind,
        subject,
        claim,
        at,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// Notes a failed run, if the claim still stands, and has the row wait until `at`.
pub(crate) async fn fail(
    connection: &mut PgConnection,
    taken: &Taken,
    at: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "update due set attempts = attempts + 1, at = $5, claim = null
          where tenant = $1 and kind = $2 and subject = $3 and claim = $4",
        taken.tenant.as_str(),
        taken.kind,
        taken.subject,
        taken.claim,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}
