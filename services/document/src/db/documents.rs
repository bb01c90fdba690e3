//! Table `documents`.

use ids::{DocumentId, Subject, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    Declaration, Document, FileSize, Lifecycle, MediaType, RejectionReason, Sha256, Status, Viewer,
};

/// Writes a new document.
#[tracing::instrument(name = "db.documents.insert", skip_all)]
pub async fn insert(db: &mut PgConnection, document: &Document) -> sqlx::Result<()> {
    let Document { declaration, .. } = document;
    let columns = Columns::of(&document.lifecycle);
    sqlx::query!(
        "insert into documents (id, tenant, owner, purpose, file_name, content_type, size_bytes, sha256, status,
             rejection_reason, detected_content_type, upload_expires_at, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        document.id.as_uuid(),
        document.tenant.as_str(),
        document.owner.as_str(),
        declaration.purpose.as_str(),
        declaration.file_name.as_str(),
        declaration.media_type.as_str(),
        declaration.size.bytes(),
        &declaration.sha256.as_bytes()[..],
        columns.status,
        columns.rejection_reason,
        columns.detected_content_type,
        columns.upload_expires_at,
        document.created_at,
        document.updated_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes where the document stands now; its row must be locked.
#[tracing::instrument(name = "db.documents.update", skip_all)]
pub async fn update(db: &mut PgConnection, document: &Document) -> sqlx::Result<()> {
    let columns = Columns::of(&document.lifecycle);
    let updated = sqlx::query!(
        "update documents set status = $3, rejection_reason = $4, detected_content_type = $5,
             upload_expires_at = $6, updated_at = $7
         where tenant = $1 and id = $2",
        document.tenant.as_str(),
        document.id.as_uuid(),
        columns.status,
        columns.rejection_reason,
        columns.detected_content_type,
        columns.upload_expires_at,
        document.updated_at,
    )
    .execute(db)
    .await?;
    if updated.rows_affected() == 1 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}

/// Reads a document that the viewer may see.
#[tracing::instrument(name = "db.documents.find", skip_all)]
pub async fn find(
    db: &mut PgConnection,
    tenant: &Tenant,
    viewer: &Viewer,
    id: DocumentId,
) -> sqlx::Result<Option<Document>> {
    sqlx::query_as!(
        Row,
        "select id, tenant, owner, purpose, file_name, content_type, size_bytes, sha256, status, rejection_reason,
             detected_content_type, upload_expires_at, created_at, updated_at
         from documents
         where tenant = $1 and id = $2 and ($3::text is null or owner = $3)",
        tenant.as_str(),
        id.as_uuid(),
        viewer.owner().map(Subject::as_str),
    )
    .fetch_optional(db)
    .await?
    .map(Row::into_document)
    .transpose()
}

/// Reads a document that the viewer may see, and keeps others from changing it until the transaction ends.
#[tracing::instrument(name = "db.documents.lock", skip_all)]
pub async fn lock(
    db: &mut PgConnection,
    tenant: &Tenant,
    viewer: &Viewer,
    id: DocumentId,
) -> sqlx::Result<Option<Document>> {
    sqlx::query_as!(
        Row,
        "select id, tenant, owner, purpose, file_name, content_type, size_bytes, sha256, status, rejection_reason,
             detected_content_type, upload_expires_at, created_at, updated_at
         from documents
         where tenant = $1 and id = $2 and ($3::text is null or owner = $3)
         for no key update",
        tenant.as_str(),
        id.as_uuid(),
        viewer.owner().map(Subject::as_str),
    )
    .fetch_optional(db)
    .await?
    .map(Row::into_document)
    .transpose()
}

/// Reads up to `limit` documents that the viewer may see, newest first, beginning after `before`.
#[tracing::instrument(name = "db.documents.list", skip_all)]
pub async fn list(
    db: &mut PgConnection,
    tenant: &Tenant,
    viewer: &Viewer,
    before: Option<DocumentId>,
    limit: i64,
) -> sqlx::Result<Vec<Document>> {
    let before = before.map_or(Uuid::max(), Uuid::from);
    // Two statements, so that each reads its own index and stops at the limit.
    let rows = match viewer {
        Viewer::Citizen(owner) => {
            sqlx::query_as!(
                Row,
                "select id, tenant, owner, purpose, file_name, content_type, size_bytes, sha256, status,
                     rejection_reason, detected_content_type, upload_expires_at, created_at, updated_at
                 from documents
                 where tenant = $1 and owner = $2 and id < $3
                 order by id desc limit $4",
                tenant.as_str(),
                owner.as_str(),
                before,
                limit,
            )
            .fetch_all(db)
            .await?
        }
        Viewer::Office => {
            sqlx::query_as!(
                Row,
                "select id, tenant, owner, purpose, file_name, content_type, size_bytes, sha256, status,
                     rejection_reason, detected_content_type, upload_expires_at, created_at, updated_at
                 from documents
                 where tenant = $1 and id < $2
                 order by id desc limit $3",
                tenant.as_str(),
                before,
                limit,
            )
            .fetch_all(db)
            .await?
        }
    };
    rows.into_iter().map(Row::into_document).collect()
}

/// A row as it is stored.
struct Row {
    id: Uuid,
    tenant: String,
    owner: String,
    purpose: String,
    file_name: String,
    content_type: String,
    size_bytes: i64,
    sha256: Vec<u8>,
    status: String,
    rejection_reason: Option<String>,
    detected_content_type: Option<String>,
    upload_expires_at: Option<OffsetDateTime>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

/// The columns of a lifecycle.
struct Columns<'a> {
    status: &'static str,
    rejection_reason: Option<&'static str>,
    detected_content_type: Option<&'a str>,
    upload_expires_at: Option<OffsetDateTime>,
}

impl<'a> Columns<'a> {
    fn of(lifecycle: &'a Lifecycle) -> Self {
        let mut columns = Self {
            status: lifecycle.status().as_str(),
            rejection_reason: None,
            detected_content_type: None,
            upload_expires_at: None,
        };
        match lifecycle {
            Lifecycle::PendingUpload { expires_at } => columns.upload_expires_at = Some(*expires_at),
            Lifecycle::Uploaded | Lifecycle::Scanning | Lifecycle::Expired => {}
            Lifecycle::Ready { detected } => columns.detected_content_type = Some(detected.as_str()),
            Lifecycle::Rejected { reason, detected } => {
                columns.rejection_reason = Some(reason.as_str());
                columns.detected_content_type = detected.as_ref().map(MediaType::as_str);
            }
        }
        columns
    }
}

impl Row {
    /// The schema's constraints and the only writer make every conversion succeed; a row from elsewhere is an error.
    fn into_document(self) -> sqlx::Result<Document> {
        let lifecycle = self.lifecycle()?;
        Ok(Document {
            id: read("id", self.id.try_into())?,
            tenant: read("tenant", self.tenant.parse())?,
            owner: read("owner", self.owner.parse())?,
            declaration: Declaration {
                purpose: read("purpose", self.purpose.parse())?,
                file_name: read("file_name", self.file_name.parse())?,
                media_type: read("content_type", self.content_type.parse())?,
                size: FileSize::new(self.size_bytes).ok_or_else(|| unreadable("size_bytes"))?,
                sha256: read("sha256", Sha256::try_from(&self.sha256[..]))?,
            },
            lifecycle,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }

    fn lifecycle(&self) -> sqlx::Result<Lifecycle> {
        let detected = || self.detected_content_type.as_deref().map(str::parse::<MediaType>).transpose();
        let status = Status::from_name(&self.status).ok_or_else(|| unreadable("status"))?;
        Ok(match status {
            Status::PendingUpload => Lifecycle::PendingUpload {
                expires_at: self.upload_expires_at.ok_or_else(|| unreadable("upload_expires_at"))?,
            },
            Status::Uploaded => Lifecycle::Uploaded,
            Status::Scanning => Lifecycle::Scanning,
            Status::Ready => Lifecycle::Ready {
                detected: read("detected_content_type", detected())?
                    .ok_or_else(|| unreadable("detected_content_type"))?,
            },
            Status::Rejected => Lifecycle::Rejected {
                reason: self
                    .rejection_reason
                    .as_deref()
                    .and_then(RejectionReason::from_name)
                    .ok_or_else(|| unreadable("rejection_reason"))?,
                detected: read("detected_content_type", detected())?,
            },
            Status::Expired => Lifecycle::Expired,
        })
    }
}

fn read<T, E>(column: &'static str, parsed: Result<T, E>) -> sqlx::Result<T> {
    // The error is not kept: it may quote what a citizen wrote.
    parsed.map_err(|_| unreadable(column))
}

fn unreadable(column: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("documents.{column} holds a value that the domain refuses").into())
}
