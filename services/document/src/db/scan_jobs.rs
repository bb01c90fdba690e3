//! Table `scan_jobs`. Whoever changes a row holds the lock of its document.

use ids::{DocumentId, JobId, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::Version;

/// A scan that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanJob {
    /// Its id, which the queue's message carries.
    pub id: JobId,
    /// Whose version is to be scanned.
    pub document_id: DocumentId,
    /// Which version.
    pub version: i32,
    /// Until when the last claim keeps others away; `None` before the first.
    pub lease_expires_at: Option<OffsetDateTime>,
    /// When its outcome was reported.
    pub reported_at: Option<OffsetDateTime>,
}

/// Writes a new job, which nobody has claimed.
#[tracing::instrument(name = "db.scan_jobs.insert", skip_all)]
pub async fn insert(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: JobId,
    document_id: DocumentId,
    version: Version,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into scan_jobs (id, tenant, document_id, version, created_at) values ($1, $2, $3, $4, $5)",
        id.as_uuid(),
        tenant.as_str(),
        document_id.as_uuid(),
        version.number(),
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Reads a job.
#[tracing::instrument(name = "db.scan_jobs.find", skip_all)]
pub async fn find(db: &mut PgConnection, tenant: &Tenant, id: JobId) -> sqlx::Result<Option<ScanJob>> {
    sqlx::query_as!(
        ScanJob,
        r#"select id as "id: JobId", document_id as "document_id: DocumentId", version, lease_expires_at, reported_at
           from scan_jobs
           where tenant = $1 and id = $2"#,
        tenant.as_str(),
        id.as_uuid(),
    )
    .fetch_optional(db)
    .await
}

/// Reads the job of a version.
#[tracing::instrument(name = "db.scan_jobs.of_version", skip_all)]
pub async fn of_version(
    db: &mut PgConnection,
    tenant: &Tenant,
    document_id: DocumentId,
    version: Version,
) -> sqlx::Result<Option<ScanJob>> {
    sqlx::query_as!(
        ScanJob,
        r#"select id as "id: JobId", document_id as "document_id: DocumentId", version, lease_expires_at, reported_at
           from scan_jobs
           where tenant = $1 and document_id = $2 and version = $3"#,
        tenant.as_str(),
        document_id.as_uuid(),
        version.number(),
    )
    .fetch_optional(db)
    .await
}

/// Writes a claim and its lease.
#[tracing::instrument(name = "db.scan_jobs.lease", skip_all)]
pub async fn lease(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: JobId,
    until: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update scan_jobs set claims = claims + 1, lease_expires_at = $3 where tenant = $1 and id = $2",
        tenant.as_str(),
        id.as_uuid(),
        until,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes that the outcome was reported.
#[tracing::instrument(name = "db.scan_jobs.report", skip_all)]
pub async fn report(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: JobId,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update scan_jobs set reported_at = $3 where tenant = $1 and id = $2",
        tenant.as_str(),
        id.as_uuid(),
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}
