//! Table `part_uploads`. Whoever writes a row holds the lock of its document.

use ids::{Tenant, VersionId};
use sqlx::PgConnection;
use time::OffsetDateTime;

/// The id that the object store has given the upload of a version, if it was begun.
#[tracing::instrument(name = "db.part_uploads.find", skip_all)]
pub async fn find(
    db: &mut PgConnection,
    tenant: &Tenant,
    version: VersionId,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "select upload_id from part_uploads where tenant = $1 and version_id = $2",
        tenant.as_str(),
        version.as_uuid(),
    )
    .fetch_optional(db)
    .await
}

/// Writes that the upload of a version was begun; there is one per version.
#[tracing::instrument(name = "db.part_uploads.insert", skip_all)]
pub async fn insert(
    db: &mut PgConnection,
    tenant: &Tenant,
    version: VersionId,
    upload_id: &str,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into part_uploads (version_id, tenant, upload_id, begun_at) values ($1, $2, $3, $4)",
        version.as_uuid(),
        tenant.as_str(),
        upload_id,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}
