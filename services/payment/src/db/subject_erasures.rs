//! Table `subject_erasures`.

use ids::{ErasureId, Subject, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;

/// The erasure of a subject.
#[derive(Debug, Clone)]
pub struct SubjectErasure {
    /// Its id.
    pub id: ErasureId,
    /// Who is erased.
    pub subject: Subject,
    /// What was reported last: bills without anything personal, and bills that are kept as they are.
    pub reported: Option<(i64, i64)>,
    /// Whether the subject's key was destroyed.
    pub finished: bool,
}

/// Writes that a subject is to be erased. Where they are already, what was reported counts no longer, and a new id is the
/// erasure's from now on: whoever asks was restored to a time before they asked.
#[tracing::instrument(name = "db.subject_erasures.begin", skip_all)]
pub async fn begin(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: ErasureId,
    subject: &Subject,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into subject_erasures (id, tenant, subject, requested_at) values ($1, $2, $3, $4)
         on conflict (tenant, subject) do update set id = excluded.id, erased = null, kept = null",
        id.as_uuid(),
        tenant.as_str(),
        subject.as_str(),
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Reads and locks an erasure.
#[tracing::instrument(name = "db.subject_erasures.lock", skip_all)]
pub async fn lock(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: ErasureId,
) -> sqlx::Result<Option<SubjectErasure>> {
    let row = sqlx::query!(
        r#"select id as "id: ErasureId", subject as "subject: Subject", erased, kept, finished_at
         from subject_erasures where tenant = $1 and id = $2 for update"#,
        tenant.as_str(),
        id.as_uuid(),
    );
    Ok(row.fetch_optional(db).await?.map(|row| SubjectErasure {
        id: row.id,
        subject: row.subject,
        reported: row.erased.zip(row.kept),
        finished: row.finished_at.is_some(),
    }))
}

/// The erasure of a subject, if there is one.
#[tracing::instrument(name = "db.subject_erasures.find", skip_all)]
pub async fn find(
    db: &mut PgConnection,
    tenant: &Tenant,
    subject: &Subject,
) -> sqlx::Result<Option<ErasureId>> {
    sqlx::query_scalar!(
        r#"select id as "id: ErasureId" from subject_erasures where tenant = $1 and subject = $2"#,
        tenant.as_str(),
        subject.as_str(),
    )
    .fetch_optional(db)
    .await
}

/// Writes what was reported, and when the key was destroyed.
#[tracing::instrument(name = "db.subject_erasures.report", skip_all)]
pub async fn report(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: ErasureId,
    (erased, kept): (i64, i64),
    finished_at: Option<OffsetDateTime>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update subject_erasures set erased = $3, kept = $4, finished_at = coalesce(finished_at, $5)
         where tenant = $1 and id = $2",
        tenant.as_str(),
        id.as_uuid(),
        erased,
        kept,
        finished_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whether nothing that a person wrote about a subject, or they themselves, is to be kept any longer.
#[tracing::instrument(name = "db.subject_erasures.is_finished", skip_all)]
pub async fn is_finished(db: &mut PgConnection, tenant: &Tenant, subject: &Subject) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from subject_erasures where tenant = $1 and subject = $2 and finished_at is not null) as "is!""#,
        tenant.as_str(),
        subject.as_str(),
    )
    .fetch_one(db)
    .await
}
