//! Table `integrity_checks`. Whoever changes a row holds the lock of its document.

use ids::{DocumentId, JobId, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::{Integrity, Version};

/// A check that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its job.
    pub job_id: JobId,
    /// Whose version is to be read.
    pub document_id: DocumentId,
    /// Which version.
    pub version: i32,
    /// Until when the last claim keeps others away; `None` before the first.
    pub lease_expires_at: Option<OffsetDateTime>,
    /// Whether its outcome is still missing.
    pub is_open: bool,
}

/// Opens a check of a version under a new job, whatever the one before has found.
#[tracing::instrument(name = "db.integrity_checks.open", skip_all)]
pub async fn open(
    db: &mut PgConnection,
    tenant: &Tenant,
    document_id: DocumentId,
    version: Version,
    job: JobId,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into integrity_checks (tenant, document_id, version, job_id, opened_at, is_open)
         values ($1, $2, $3, $4, $5, true)
         on conflict (tenant, document_id, version) do update
             set job_id = excluded.job_id, opened_at = excluded.opened_at, lease_expires_at = null, is_open = true",
        tenant.as_str(),
        document_id.as_uuid(),
        version.number(),
        job.as_uuid(),
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Reads a check by its job.
#[tracing::instrument(name = "db.integrity_checks.find", skip_all)]
pub async fn find(db: &mut PgConnection, tenant: &Tenant, job: JobId) -> sqlx::Result<Option<Check>> {
    sqlx::query_as!(
        Check,
        r#"select job_id as "job_id: JobId", document_id as "document_id: DocumentId", version, lease_expires_at, is_open
           from integrity_checks
           where tenant = $1 and job_id = $2"#,
        tenant.as_str(),
        job.as_uuid(),
    )
    .fetch_optional(db)
    .await
}

/// Reads the check of a version.
#[tracing::instrument(name = "db.integrity_checks.of_version", skip_all)]
pub async fn of_version(
    db: &mut PgConnection,
    tenant: &Tenant,
    document_id: DocumentId,
    version: Version,
) -> sqlx::Result<Option<Check>> {
    sqlx::query_as!(
        Check,
        r#"select job_id as "job_id: JobId", document_id as "document_id: DocumentId", version, lease_expires_at, is_open
           from integrity_checks
           where tenant = $1 and document_id = $2 and version = $3"#,
        tenant.as_str(),
        document_id.as_uuid(),
        version.number(),
    )
    .fetch_optional(db)
    .await
}

/// Writes a claim's lease.
#[tracing::instrument(name = "db.integrity_checks.lease", skip_all)]
pub async fn lease(
    db: &mut PgConnection,
    tenant: &Tenant,
    job: JobId,
    until: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update integrity_checks set lease_expires_at = $3 where tenant = $1 and job_id = $2",
        tenant.as_str(),
        job.as_uuid(),
        until,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes what was found.
#[tracing::instrument(name = "db.integrity_checks.close", skip_all)]
pub async fn close(
    db: &mut PgConnection,
    tenant: &Tenant,
    job: JobId,
    found: Integrity,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update integrity_checks set is_open = false, checked_at = $3, finding = $4, repair = $5
         where tenant = $1 and job_id = $2",
        tenant.as_str(),
        job.as_uuid(),
        now,
        found.finding(),
        found.repair(),
    )
    .execute(db)
    .await?;
    Ok(())
}
