//! Table `subject_erasures`.

use ids::{ErasureId, Subject, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;

/// Notes that a person is erased, and how many cases they had; an erasure that is asked for anew keeps the number that was reported.
#[tracing::instrument(name = "db.subject_erasures.record", skip_all)]
pub async fn record(
    db: &mut PgConnection,
    tenant: &Tenant,
    (id, subject): (ErasureId, &Subject),
    at: OffsetDateTime,
    erased: i64,
) -> sqlx::Result<i64> {
    let recorded = sqlx::query_scalar!(
        r#"insert into subject_erasures (id, tenant, subject, requested_at, erased) values ($1, $2, $3, $4, $5)
         on conflict (tenant, subject) do update set id = excluded.id, erased = greatest(subject_erasures.erased, excluded.erased)
         returning erased as "erased!""#,
        id.as_uuid(),
        tenant.as_str(),
        subject.as_str(),
        at,
        erased,
    );
    recorded.fetch_one(db).await
}
