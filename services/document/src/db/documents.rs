//! Tables `documents` and `document_versions`.

use ids::{DocumentId, Subject, Tenant, VersionId};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::grants::Asking;
use crate::domain::{
    CaseRef, ClientId, Declaration, Document, FileSize, Lifecycle, MediaType, RejectionReason, SealedName,
    Sha256, Status, Version, Viewer,
};

/// The column that keeps names, as what is sealed for it says.
pub const FILE_NAME: &str = "document_versions.file_name";

/// Reads documents as versions show them. `$tail` picks which; `sqlx` needs the whole statement in one place.
macro_rules! select {
    ($tail:tt, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            Row,
            "select d.id, d.tenant, d.owner, d.purpose, d.retention_class, d.latest_version, v.version, v.id as version_id, v.file_name,
                 v.content_type, v.size_bytes, v.sha256, v.status, v.rejection_reason, v.detected_content_type,
                 v.upload_expires_at, v.retain_until, v.created_at, v.updated_at,
                 (select max(r.version) from document_versions r
                  where r.tenant = d.tenant and r.document_id = d.id and r.status = 'ready') as latest_ready
             from documents d join document_versions v on v.tenant = d.tenant and v.document_id = d.id
             " + $tail,
            $($argument),+
        )
    };
}

/// Writes a new document and its first version.
#[tracing::instrument(name = "db.documents.insert", skip_all)]
pub async fn insert(db: &mut PgConnection, document: &Document) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into documents (id, tenant, owner, purpose, retention_class, latest_version, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        document.id.as_uuid(),
        document.tenant.as_str(),
        document.owner.as_str(),
        document.declaration.purpose.as_str(),
        document.class.as_str(),
        document.latest.number(),
        document.created_at,
    )
    .execute(&mut *db)
    .await?;
    insert_version_row(db, document).await
}

/// Writes a further version of a document, whose row must be locked.
#[tracing::instrument(name = "db.documents.insert_version", skip_all)]
pub async fn insert_version(db: &mut PgConnection, document: &Document) -> sqlx::Result<()> {
    let moved = sqlx::query!(
        "update documents set latest_version = $3 where tenant = $1 and id = $2",
        document.tenant.as_str(),
        document.id.as_uuid(),
        document.latest.number(),
    )
    .execute(&mut *db)
    .await?;
    if moved.rows_affected() != 1 {
        return Err(sqlx::Error::RowNotFound);
    }
    insert_version_row(db, document).await
}

async fn insert_version_row(db: &mut PgConnection, document: &Document) -> sqlx::Result<()> {
    let Document { declaration, .. } = document;
    let columns = Columns::of(&document.lifecycle);
    sqlx::query!(
        "insert into document_versions (id, tenant, document_id, version, file_name, content_type, size_bytes, sha256,
             status, rejection_reason, detected_content_type, upload_expires_at, retain_until, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        document.version_id.as_uuid(),
        document.tenant.as_str(),
        document.id.as_uuid(),
        document.version.number(),
        declaration.file_name.as_ref().map(SealedName::as_bytes),
        declaration.media_type.as_str(),
        declaration.size.bytes(),
        &declaration.sha256.as_bytes()[..],
        columns.status,
        columns.rejection_reason,
        columns.detected_content_type,
        columns.upload_expires_at,
        document.retain_until,
        document.created_at,
        document.updated_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes where this version of the document stands now; the document's row must be locked.
#[tracing::instrument(name = "db.documents.update", skip_all)]
pub async fn update(db: &mut PgConnection, document: &Document) -> sqlx::Result<()> {
    let columns = Columns::of(&document.lifecycle);
    let updated = sqlx::query!(
        "update document_versions set status = $3, rejection_reason = $4, detected_content_type = $5,
             upload_expires_at = $6, retain_until = $7, updated_at = $8,
             file_name = case when $3 = 'erased' then null else file_name end
         where tenant = $1 and id = $2",
        document.tenant.as_str(),
        document.version_id.as_uuid(),
        columns.status,
        columns.rejection_reason,
        columns.detected_content_type,
        columns.upload_expires_at,
        document.retain_until,
        document.updated_at,
    )
    .execute(db)
    .await?;
    if updated.rows_affected() == 1 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}

/// Writes that nothing is left of a document, whose row must be locked.
#[tracing::instrument(name = "db.documents.set_erased", skip_all)]
pub async fn set_erased(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: DocumentId,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update documents set erased_at = $3 where tenant = $1 and id = $2",
        tenant.as_str(),
        id.as_uuid(),
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes that the objects of an erased version are gone; says whether it is news.
#[tracing::instrument(name = "db.documents.set_objects_gone", skip_all)]
pub async fn set_objects_gone(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: VersionId,
    now: OffsetDateTime,
) -> sqlx::Result<bool> {
    let updated = sqlx::query!(
        "update document_versions set objects_gone_at = $3
         where tenant = $1 and id = $2 and status = 'erased' and objects_gone_at is null",
        tenant.as_str(),
        id.as_uuid(),
        now,
    )
    .execute(db)
    .await?;
    Ok(updated.rows_affected() == 1)
}

/// Reads a document that the viewer may see, as one of its versions shows it: the newest for `None`.
#[tracing::instrument(name = "db.documents.find", skip_all)]
pub async fn find(
    db: &mut PgConnection,
    tenant: &Tenant,
    viewer: &Viewer,
    id: DocumentId,
    version: Option<Version>,
) -> sqlx::Result<Option<Document>> {
    select!(
        "where d.tenant = $1 and d.id = $2 and ($3::text[] is null or d.owner = any($3))
             and v.version = coalesce($4, d.latest_version)",
        tenant.as_str(),
        id.as_uuid(),
        viewer.owners() as Option<&[Subject]>,
        version.map(Version::number),
    )
    .fetch_optional(db)
    .await?
    .map(Row::into_document)
    .transpose()
}

/// The same, and keeps others from changing any of its versions until the transaction ends.
///
/// Two statements: what a statement that waits for a lock has joined is what was there before it waited.
#[tracing::instrument(name = "db.documents.lock", skip_all)]
pub async fn lock(
    db: &mut PgConnection,
    tenant: &Tenant,
    viewer: &Viewer,
    id: DocumentId,
    version: Option<Version>,
) -> sqlx::Result<Option<Document>> {
    let locked = sqlx::query!(
        "select id from documents
         where tenant = $1 and id = $2 and ($3::text[] is null or owner = any($3))
         for no key update",
        tenant.as_str(),
        id.as_uuid(),
        viewer.owners() as Option<&[Subject]>,
    )
    .fetch_optional(&mut *db)
    .await?;
    match locked {
        Some(_) => find(db, tenant, viewer, id, version).await,
        None => Ok(None),
    }
}

/// Reads the document that a version is of, as that version shows it.
#[tracing::instrument(name = "db.documents.find_version", skip_all)]
pub async fn find_version(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: VersionId,
) -> sqlx::Result<Option<Document>> {
    select!("where v.tenant = $1 and v.id = $2", tenant.as_str(), id.as_uuid())
        .fetch_optional(db)
        .await?
        .map(Row::into_document)
        .transpose()
}

/// The same, and keeps others from changing any of the document's versions until the transaction ends.
pub async fn lock_version(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: VersionId,
) -> sqlx::Result<Option<Document>> {
    match find_version(db, tenant, id).await? {
        Some(found) => lock(db, tenant, &Viewer::Office, found.id, Some(found.version)).await,
        None => Ok(None),
    }
}

/// Reads every version of a document that the viewer may see, newest first.
#[tracing::instrument(name = "db.documents.versions", skip_all)]
pub async fn versions(
    db: &mut PgConnection,
    tenant: &Tenant,
    viewer: &Viewer,
    id: DocumentId,
) -> sqlx::Result<Vec<Document>> {
    let rows = select!(
        "where d.tenant = $1 and d.id = $2 and ($3::text[] is null or d.owner = any($3))
         order by v.version desc",
        tenant.as_str(),
        id.as_uuid(),
        viewer.owners() as Option<&[Subject]>,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Row::into_document).collect()
}

/// Reads up to `limit` documents that the viewer may see, newest first, beginning after `before`, each as its newest
/// version shows it.
#[tracing::instrument(name = "db.documents.list", skip_all)]
pub async fn list(
    db: &mut PgConnection,
    tenant: &Tenant,
    viewer: &Viewer,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<Document>> {
    let before = before.unwrap_or(Uuid::max());
    // Statements of their own, so that each reads its own index and stops at the limit.
    let rows = match viewer {
        Viewer::Owner(owners) => {
            let mut theirs = Vec::new();
            for owner in owners {
                let rows = select!(
                    "where d.tenant = $1 and d.owner = $2 and d.id < $3 and v.version = d.latest_version
                     order by d.id desc limit $4",
                    tenant.as_str(),
                    owner.as_str(),
                    before,
                    limit,
                );
                theirs.extend(rows.fetch_all(&mut *db).await?);
            }
            theirs.sort_unstable_by_key(|row| std::cmp::Reverse(row.id));
            theirs.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            theirs
        }
        Viewer::Office => {
            select!(
                "where d.tenant = $1 and d.id < $2 and v.version = d.latest_version
                 order by d.id desc limit $3",
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

/// Reads up to `limit` documents of a case, newest first, beginning after `before`, each as its newest version shows it.
#[tracing::instrument(name = "db.documents.of_case", skip_all)]
pub async fn of_case(
    db: &mut PgConnection,
    tenant: &Tenant,
    case_ref: &CaseRef,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<Document>> {
    let rows = select!(
        "join case_documents c on c.tenant = d.tenant and c.document_id = d.id
         where c.tenant = $1 and c.case_ref = $2 and d.id < $3 and v.version = d.latest_version
         order by d.id desc limit $4",
        tenant.as_str(),
        case_ref.as_str(),
        before.unwrap_or(Uuid::max()),
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Row::into_document).collect()
}

/// Reads up to `limit` quarantined versions of owners other than `but`, in the order in which they were declared,
/// beginning after `after`.
#[tracing::instrument(name = "db.documents.quarantined", skip_all)]
pub async fn quarantined(
    db: &mut PgConnection,
    tenant: &Tenant,
    but: &Subject,
    after: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<Document>> {
    let rows = select!(
        "where v.tenant = $1 and v.status = 'quarantined' and d.owner <> $2 and v.id > $3
         order by v.id limit $4",
        tenant.as_str(),
        but.as_str(),
        after.unwrap_or(Uuid::nil()),
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Row::into_document).collect()
}

/// Reads up to `limit` documents that somebody may read by a grant, newest first, beginning after `before`, each as its
/// newest version shows it. What is erased is left out.
#[tracing::instrument(name = "db.documents.shared", skip_all)]
pub async fn shared(
    db: &mut PgConnection,
    tenant: &Tenant,
    asking: &Asking,
    now: OffsetDateTime,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<Document>> {
    let rows = select!(
        "where d.tenant = $1 and d.id < $5 and d.erased_at is null and v.version = d.latest_version
             and d.id in (
                 select coalesce(g.document_id, c.document_id)
                 from access_grants g left join case_documents c on c.tenant = g.tenant and c.case_ref = g.case_ref
                 where g.tenant = $1 and (g.grantee_subject = $2 or g.grantee_client = $3)
                     and g.revoked_at is null and g.until > $4)
         order by d.id desc limit $6",
        tenant.as_str(),
        asking.subject.as_str(),
        asking.client.as_ref().map(ClientId::as_str),
        now,
        before.unwrap_or(Uuid::max()),
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Row::into_document).collect()
}

/// A row as it is stored.
struct Row {
    id: Uuid,
    tenant: String,
    owner: String,
    purpose: String,
    retention_class: String,
    latest_version: i32,
    version: i32,
    version_id: Uuid,
    file_name: Option<Vec<u8>>,
    content_type: String,
    size_bytes: i64,
    sha256: Vec<u8>,
    status: String,
    rejection_reason: Option<String>,
    detected_content_type: Option<String>,
    upload_expires_at: Option<OffsetDateTime>,
    retain_until: Option<OffsetDateTime>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    latest_ready: Option<i32>,
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
            Lifecycle::Uploaded | Lifecycle::Scanning | Lifecycle::Expired | Lifecycle::Erased => {}
            Lifecycle::Quarantined { detected } | Lifecycle::Ready { detected } => {
                columns.detected_content_type = Some(detected.as_str());
            }
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
            class: read("retention_class", self.retention_class.parse())?,
            version: read("version", self.version.try_into())?,
            version_id: read("version_id", self.version_id.try_into())?,
            latest: read("latest_version", self.latest_version.try_into())?,
            latest_ready: read("latest_ready", self.latest_ready.map(Version::try_from).transpose())?,
            declaration: Declaration {
                purpose: read("purpose", self.purpose.parse())?,
                file_name: self.file_name.map(SealedName::new),
                media_type: read("content_type", self.content_type.parse())?,
                size: FileSize::new(self.size_bytes).ok_or_else(|| unreadable("size_bytes"))?,
                sha256: read("sha256", Sha256::try_from(&self.sha256[..]))?,
            },
            lifecycle,
            retain_until: self.retain_until,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }

    fn lifecycle(&self) -> sqlx::Result<Lifecycle> {
        let detected = || self.detected_content_type.as_deref().map(str::parse::<MediaType>).transpose();
        let found = || {
            let detected = read("detected_content_type", detected())?;
            detected.ok_or_else(|| unreadable("detected_content_type"))
        };
        let status = Status::from_name(&self.status).ok_or_else(|| unreadable("status"))?;
        Ok(match status {
            Status::PendingUpload => Lifecycle::PendingUpload {
                expires_at: self.upload_expires_at.ok_or_else(|| unreadable("upload_expires_at"))?,
            },
            Status::Uploaded => Lifecycle::Uploaded,
            Status::Scanning => Lifecycle::Scanning,
            Status::Quarantined => Lifecycle::Quarantined { detected: found()? },
            Status::Ready => Lifecycle::Ready { detected: found()? },
            Status::Rejected => Lifecycle::Rejected {
                reason: self
                    .rejection_reason
                    .as_deref()
                    .and_then(RejectionReason::from_name)
                    .ok_or_else(|| unreadable("rejection_reason"))?,
                detected: read("detected_content_type", detected())?,
            },
            Status::Expired => Lifecycle::Expired,
            Status::Erased => Lifecycle::Erased,
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
