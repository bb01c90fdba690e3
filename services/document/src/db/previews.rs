//! Tables `previews` and `preview_objects`. Whoever changes a row holds the lock of its document.

use ids::{DocumentId, JobId, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::{PreviewFailure, PreviewObject, PreviewState, Sha256, Version};

/// A preview, which is its job too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The job's id, which the queue's message carries.
    pub id: JobId,
    /// Whose version it is of.
    pub document_id: DocumentId,
    /// Which version.
    pub version: i32,
    /// How often the message was sent.
    pub sent: i32,
    /// How often somebody took the job.
    pub claims: i32,
    /// Until when the last claim keeps others away; `None` before the first.
    pub lease_expires_at: Option<OffsetDateTime>,
    /// Where it stands.
    pub state: PreviewState,
}

/// A row as it is stored.
struct Row {
    id: JobId,
    document_id: DocumentId,
    version: i32,
    sent: i32,
    claims: i32,
    lease_expires_at: Option<OffsetDateTime>,
    finished_at: Option<OffsetDateTime>,
    failure: Option<String>,
    total_pages: Option<i32>,
}

impl Row {
    fn into_preview(self) -> sqlx::Result<Preview> {
        let unreadable = || sqlx::Error::Decode("previews holds a value that the domain refuses".into());
        let state = match (self.finished_at, self.failure.as_deref(), self.total_pages) {
            (None, None, None) => PreviewState::Pending,
            (Some(_), None, Some(total_pages)) => PreviewState::Ready { total_pages },
            (Some(_), Some(name), None) => {
                PreviewState::Failed(PreviewFailure::from_name(name).ok_or_else(unreadable)?)
            }
            _ => return Err(unreadable()),
        };
        let Self { id, document_id, version, sent, claims, lease_expires_at, .. } = self;
        Ok(Preview { id, document_id, version, sent, claims, lease_expires_at, state })
    }
}

/// Writes a new preview, which nobody has claimed.
#[tracing::instrument(name = "db.previews.insert", skip_all)]
pub async fn insert(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: JobId,
    document_id: DocumentId,
    version: Version,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into previews (id, tenant, document_id, version, created_at) values ($1, $2, $3, $4, $5)",
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

/// Reads a preview by its job.
#[tracing::instrument(name = "db.previews.find", skip_all)]
pub async fn find(db: &mut PgConnection, tenant: &Tenant, id: JobId) -> sqlx::Result<Option<Preview>> {
    sqlx::query_as!(
        Row,
        r#"select id as "id: JobId", document_id as "document_id: DocumentId", version, sent, claims, lease_expires_at,
               finished_at, failure, total_pages
           from previews
           where tenant = $1 and id = $2"#,
        tenant.as_str(),
        id.as_uuid(),
    )
    .fetch_optional(db)
    .await?
    .map(Row::into_preview)
    .transpose()
}

/// Reads the preview of a version.
#[tracing::instrument(name = "db.previews.of_version", skip_all)]
pub async fn of_version(
    db: &mut PgConnection,
    tenant: &Tenant,
    document_id: DocumentId,
    version: Version,
) -> sqlx::Result<Option<Preview>> {
    sqlx::query_as!(
        Row,
        r#"select id as "id: JobId", document_id as "document_id: DocumentId", version, sent, claims, lease_expires_at,
               finished_at, failure, total_pages
           from previews
           where tenant = $1 and document_id = $2 and version = $3"#,
        tenant.as_str(),
        document_id.as_uuid(),
        version.number(),
    )
    .fetch_optional(db)
    .await?
    .map(Row::into_preview)
    .transpose()
}

/// Writes that the message was sent again.
#[tracing::instrument(name = "db.previews.sent", skip_all)]
pub async fn sent(db: &mut PgConnection, tenant: &Tenant, id: JobId) -> sqlx::Result<()> {
    sqlx::query!(
        "update previews set sent = sent + 1 where tenant = $1 and id = $2",
        tenant.as_str(),
        id.as_uuid()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes a claim and its lease.
#[tracing::instrument(name = "db.previews.lease", skip_all)]
pub async fn lease(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: JobId,
    until: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update previews set claims = claims + 1, lease_expires_at = $3 where tenant = $1 and id = $2",
        tenant.as_str(),
        id.as_uuid(),
        until,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes that there is no preview, and will be none.
#[tracing::instrument(name = "db.previews.fail", skip_all)]
pub async fn fail(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: JobId,
    failure: PreviewFailure,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update previews set finished_at = $3, failure = $4, total_pages = null where tenant = $1 and id = $2",
        tenant.as_str(),
        id.as_uuid(),
        now,
        failure.as_str(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes that a preview can be shown.
#[tracing::instrument(name = "db.previews.finish", skip_all)]
pub async fn finish(
    db: &mut PgConnection,
    tenant: &Tenant,
    preview: &Preview,
    total_pages: i32,
    objects: &[PreviewObject],
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update previews set finished_at = $3, total_pages = $4 where tenant = $1 and id = $2",
        tenant.as_str(),
        preview.id.as_uuid(),
        now,
        total_pages,
    )
    .execute(&mut *db)
    .await?;
    for object in objects {
        sqlx::query!(
            "insert into preview_objects (tenant, document_id, version, number, size_bytes, sha256, width, height)
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
            tenant.as_str(),
            preview.document_id.as_uuid(),
            preview.version,
            object.number,
            object.size,
            &object.sha256.as_bytes()[..],
            object.pixels.map(|(width, _)| width),
            object.pixels.map(|(_, height)| height),
        )
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

/// Reads what a version's preview consists of, the text first, then the pages in their order.
#[tracing::instrument(name = "db.preview_objects.of_version", skip_all)]
pub async fn objects(
    db: &mut PgConnection,
    tenant: &Tenant,
    document_id: DocumentId,
    version: Version,
) -> sqlx::Result<Vec<PreviewObject>> {
    let rows = sqlx::query!(
        "select number, size_bytes, sha256, width, height from preview_objects
         where tenant = $1 and document_id = $2 and version = $3
         order by number",
        tenant.as_str(),
        document_id.as_uuid(),
        version.number(),
    )
    .fetch_all(db)
    .await?;
    let mut objects = Vec::with_capacity(rows.len());
    for row in rows {
        let sha256 = Sha256::try_from(&row.sha256[..]);
        let sha256 = sha256.map_err(|_| sqlx::Error::Decode("preview_objects.sha256 is none".into()))?;
        let pixels = row.width.zip(row.height);
        objects.push(PreviewObject { number: row.number, size: row.size_bytes, sha256, pixels });
    }
    Ok(objects)
}

/// Forgets what a version's preview consists of.
#[tracing::instrument(name = "db.preview_objects.delete", skip_all)]
pub async fn forget_objects(
    db: &mut PgConnection,
    tenant: &Tenant,
    document_id: DocumentId,
    version: Version,
) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from preview_objects where tenant = $1 and document_id = $2 and version = $3",
        tenant.as_str(),
        document_id.as_uuid(),
        version.number(),
    )
    .execute(db)
    .await?;
    Ok(())
}
