//! Table `access_log`.

use ids::{DocumentId, EventId, Subject, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::Version;

/// A signed download.
#[derive(Debug)]
pub struct Access<'a> {
    /// Id of the event that announces it.
    pub event_id: EventId,
    /// The tenant of the document.
    pub tenant: &'a Tenant,
    /// What may be downloaded.
    pub document_id: DocumentId,
    /// Which version of it.
    pub version: Version,
    /// Who may download it.
    pub accessor: &'a Subject,
    /// The client that acted for them.
    pub client_id: &'a str,
    /// When the URL was signed.
    pub accessed_at: OffsetDateTime,
    /// Until when it can be used.
    pub expires_at: OffsetDateTime,
}

/// Writes a row.
#[tracing::instrument(name = "db.access_log.insert", skip_all)]
pub async fn insert(db: &mut PgConnection, access: &Access<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into access_log (event_id, tenant, document_id, version, accessor, client_id, accessed_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        access.event_id.as_uuid(),
        access.tenant.as_str(),
        access.document_id.as_uuid(),
        access.version.number(),
        access.accessor.as_str(),
        access.client_id,
        access.accessed_at,
        access.expires_at,
    )
    .execute(db)
    .await?;
    Ok(())
}
