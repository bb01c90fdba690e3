//! Table `access_log`.

use ids::{DocumentId, EventId, GrantId, Subject, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{AccessPurpose, Version};

/// A signed download.
#[derive(Debug, Clone)]
pub struct Access {
    /// Id of the event that announces it.
    pub event_id: EventId,
    /// The tenant of the document.
    pub tenant: Tenant,
    /// What may be downloaded.
    pub document_id: DocumentId,
    /// Which version of it.
    pub version: Version,
    /// Who may download it.
    pub accessor: Subject,
    /// The client that acted for them.
    pub client_id: String,
    /// When the URL was signed.
    pub accessed_at: OffsetDateTime,
    /// Until when it can be used.
    pub expires_at: OffsetDateTime,
    /// Why.
    pub purpose: AccessPurpose,
    /// The grant that allowed it; `None` where none was needed.
    pub grant_id: Option<GrantId>,
}

/// Writes a row.
#[tracing::instrument(name = "db.access_log.insert", skip_all)]
pub async fn insert(db: &mut PgConnection, access: &Access) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into access_log (event_id, tenant, document_id, version, accessor, client_id, accessed_at, expires_at,
             purpose, grant_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        access.event_id.as_uuid(),
        access.tenant.as_str(),
        access.document_id.as_uuid(),
        access.version.number(),
        access.accessor.as_str(),
        access.client_id,
        access.accessed_at,
        access.expires_at,
        access.purpose.as_str(),
        access.grant_id.map(Uuid::from),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Reads up to `limit` accesses to a document, newest first, beginning after the row `before`.
#[tracing::instrument(name = "db.access_log.list", skip_all)]
pub async fn list(
    db: &mut PgConnection,
    tenant: &Tenant,
    document_id: DocumentId,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<Access>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select event_id as "event_id: EventId", version, accessor, client_id, accessed_at, expires_at, purpose,
               grant_id as "grant_id: GrantId"
           from access_log
           where tenant = $1 and document_id = $2 and ($3::uuid is null or (accessed_at, event_id) < (
               select l.accessed_at, l.event_id from access_log l
               where l.tenant = $1 and l.document_id = $2 and l.event_id = $3))
           order by accessed_at desc, event_id desc limit $4"#,
        tenant.as_str(),
        document_id.as_uuid(),
        before,
        limit,
    );
    let rows = rows.fetch_all(db).await?.into_iter();
    rows.map(|row| row.into_access(tenant, document_id)).collect()
}

/// A row as it is stored.
struct Row {
    event_id: EventId,
    version: i32,
    accessor: String,
    client_id: String,
    accessed_at: OffsetDateTime,
    expires_at: OffsetDateTime,
    purpose: String,
    grant_id: Option<GrantId>,
}

impl Row {
    fn into_access(self, tenant: &Tenant, document_id: DocumentId) -> sqlx::Result<Access> {
        Ok(Access {
            event_id: self.event_id,
            tenant: tenant.clone(),
            document_id,
            version: self.version.try_into().map_err(|_| unreadable("version"))?,
            accessor: self.accessor.parse().map_err(|_| unreadable("accessor"))?,
            client_id: self.client_id,
            accessed_at: self.accessed_at,
            expires_at: self.expires_at,
            purpose: self.purpose.parse().map_err(|_| unreadable("purpose"))?,
            grant_id: self.grant_id,
        })
    }
}

fn unreadable(column: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("access_log.{column} holds a value that the domain refuses").into())
}
