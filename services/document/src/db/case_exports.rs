//! Tables `case_exports` and `case_export_versions`.

use ids::{DocumentId, ExportId, Subject, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{Act, Archive, Export, ExportFailure, ExportState, Grounds, Sha256, Version};

/// Reads exports; `$tail` picks which.
macro_rules! select {
    ($tail:tt, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"select x.id as "id: ExportId", x.tenant, x.case_ref, x.reason, x.asked_by, x.asked_at, x.state, x.failure,
                 x.attempt, x.leased_until, x.kept_until, x.manifest_sha256, x.size_bytes
             from case_exports x
             "# + $tail,
            $($argument),+
        )
    };
}

/// Writes a new export.
#[tracing::instrument(name = "db.case_exports.insert", skip_all)]
pub async fn insert(db: &mut PgConnection, export: &Export) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into case_exports (id, tenant, case_ref, reason, asked_by, asked_at, state, kept_until)
         values ($1, $2, $3, $4, $5, $6, 'pending', $7)",
        export.id.as_uuid(),
        export.tenant.as_str(),
        export.case_ref.as_str(),
        export.asked.grounds.as_ref().map(Grounds::as_str),
        export.asked.by.as_str(),
        export.asked.at,
        export.kept_until,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Reads an export.
#[tracing::instrument(name = "db.case_exports.find", skip_all)]
pub async fn find(db: &mut PgConnection, tenant: &Tenant, id: ExportId) -> sqlx::Result<Option<Export>> {
    let row = select!("where x.tenant = $1 and x.id = $2", tenant.as_str(), id.as_uuid());
    row.fetch_optional(db).await?.map(Row::into_export).transpose()
}

/// Reads an export and keeps others from changing it until the transaction ends.
#[tracing::instrument(name = "db.case_exports.lock", skip_all)]
pub async fn lock(db: &mut PgConnection, tenant: &Tenant, id: ExportId) -> sqlx::Result<Option<Export>> {
    let row = select!("where x.tenant = $1 and x.id = $2 for no key update", tenant.as_str(), id.as_uuid());
    row.fetch_optional(db).await?.map(Row::into_export).transpose()
}

/// Begins another try; the row must be locked.
#[tracing::instrument(name = "db.case_exports.begin", skip_all)]
pub async fn begin(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: ExportId,
    until: OffsetDateTime,
) -> sqlx::Result<i32> {
    sqlx::query_scalar!(
        "update case_exports set attempt = attempt + 1, leased_until = $3
         where tenant = $1 and id = $2 returning attempt",
        tenant.as_str(),
        id.as_uuid(),
        until,
    )
    .fetch_one(db)
    .await
}

/// Moves the end of a try's lease; `false` where it is not wanted any longer, or is another's.
#[tracing::instrument(name = "db.case_exports.renew", skip_all)]
pub async fn renew(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: ExportId,
    attempt: i32,
    until: OffsetDateTime,
) -> sqlx::Result<bool> {
    let renewed = sqlx::query!(
        "update case_exports set leased_until = $4
         where tenant = $1 and id = $2 and attempt = $3 and state = 'pending'",
        tenant.as_str(),
        id.as_uuid(),
        attempt,
        until,
    );
    Ok(renewed.execute(db).await?.rows_affected() == 1)
}

/// Writes what a try has made; `false` where it is not wanted any longer, or is another's.
#[tracing::instrument(name = "db.case_exports.finish", skip_all)]
pub async fn finish(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: ExportId,
    attempt: i32,
    archive: &Archive,
) -> sqlx::Result<bool> {
    let finished = sqlx::query!(
        "update case_exports set state = 'ready', manifest_sha256 = $4, size_bytes = $5, leased_until = null
         where tenant = $1 and id = $2 and attempt = $3 and state = 'pending'",
        tenant.as_str(),
        id.as_uuid(),
        attempt,
        &archive.manifest_sha256.as_bytes()[..],
        archive.size_bytes,
    );
    Ok(finished.execute(db).await?.rows_affected() == 1)
}

/// Writes that it cannot be made; `false` where it is not wanted any longer, or is another's.
#[tracing::instrument(name = "db.case_exports.fail", skip_all)]
pub async fn fail(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: ExportId,
    attempt: i32,
    failure: ExportFailure,
) -> sqlx::Result<bool> {
    let failed = sqlx::query!(
        "update case_exports set state = 'failed', failure = $4, leased_until = null
         where tenant = $1 and id = $2 and attempt = $3 and state = 'pending'",
        tenant.as_str(),
        id.as_uuid(),
        attempt,
        failure.as_str(),
    );
    Ok(failed.execute(db).await?.rows_affected() == 1)
}

/// Writes that an export is erased; its objects are not yet.
#[tracing::instrument(name = "db.case_exports.erase", skip_all)]
pub async fn erase(db: &mut PgConnection, tenant: &Tenant, id: ExportId) -> sqlx::Result<()> {
    sqlx::query!(
        "update case_exports set state = 'erased' where tenant = $1 and id = $2",
        tenant.as_str(),
        id.as_uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes that nothing of an erased export is in the store any longer.
#[tracing::instrument(name = "db.case_exports.set_gone", skip_all)]
pub async fn set_gone(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: ExportId,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update case_exports set gone_at = $3 where tenant = $1 and id = $2 and state = 'erased'",
        tenant.as_str(),
        id.as_uuid(),
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Locks the exports that have, or may get, bytes of one of these versions, and returns their ids.
#[tracing::instrument(name = "db.case_exports.of_versions", skip_all)]
pub async fn of_versions(
    db: &mut PgConnection,
    tenant: &Tenant,
    document: DocumentId,
    versions: &[i32],
) -> sqlx::Result<Vec<ExportId>> {
    sqlx::query_scalar!(
        r#"select x.id as "id: ExportId" from case_exports x
           where x.tenant = $1 and x.state in ('pending', 'ready') and x.id in (
               select v.export_id from case_export_versions v
               where v.tenant = $1 and v.document_id = $2 and v.version = any ($3))
           order by x.id for no key update"#,
        tenant.as_str(),
        document.as_uuid(),
        versions,
    )
    .fetch_all(db)
    .await
}

/// Locks the exports that tell of a document of somebody's and are not gone yet, forgets why they were asked for, and returns
/// their ids.
#[tracing::instrument(name = "db.case_exports.forget_owner", skip_all)]
pub async fn forget_owner(
    db: &mut PgConnection,
    tenant: &Tenant,
    owner: &Subject,
) -> sqlx::Result<Vec<ExportId>> {
    let ids = sqlx::query_scalar!(
        r#"select x.id as "id: ExportId" from case_exports x
           where x.tenant = $1 and (x.reason is not null or x.gone_at is null) and x.id in (
               select v.export_id from case_export_versions v join documents d on d.tenant = v.tenant and d.id = v.document_id
               where d.tenant = $1 and d.owner = $2)
           order by x.id for no key update"#,
        tenant.as_str(),
        owner.as_str(),
    )
    .fetch_all(&mut *db)
    .await?;
    let found: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    sqlx::query!(
        "update case_exports set reason = null where tenant = $1 and id = any ($2)",
        tenant.as_str(),
        &found,
    )
    .execute(db)
    .await?;
    Ok(ids)
}

/// Writes which versions an export tells of, each with whether its bytes are in it, instead of those of an earlier try.
#[tracing::instrument(name = "db.case_export_versions.replace", skip_all)]
pub async fn replace_versions(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: ExportId,
    (documents, versions, readable): (&[Uuid], &[i32], &[bool]),
) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from case_export_versions where tenant = $1 and export_id = $2",
        tenant.as_str(),
        id.as_uuid(),
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "insert into case_export_versions (tenant, export_id, document_id, version, readable)
         select $1, $2, v.document_id, v.version, v.readable
           from unnest($3::uuid[], $4::integer[], $5::boolean[]) as v (document_id, version, readable)",
        tenant.as_str(),
        id.as_uuid(),
        documents,
        versions,
        readable,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Reads which versions' bytes an export has, by document and number.
#[tracing::instrument(name = "db.case_export_versions.readable", skip_all)]
pub async fn readable(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: ExportId,
) -> sqlx::Result<Vec<(DocumentId, Version)>> {
    let rows = sqlx::query!(
        r#"select document_id as "document_id: DocumentId", version from case_export_versions
           where tenant = $1 and export_id = $2 and readable order by document_id, version"#,
        tenant.as_str(),
        id.as_uuid(),
    );
    let rows = rows.fetch_all(db).await?.into_iter();
    rows.map(|row| Ok((row.document_id, read("version", row.version.try_into())?))).collect()
}

/// A row as it is stored.
struct Row {
    id: ExportId,
    tenant: String,
    case_ref: String,
    reason: Option<String>,
    asked_by: String,
    asked_at: OffsetDateTime,
    state: String,
    failure: Option<String>,
    attempt: i32,
    leased_until: Option<OffsetDateTime>,
    kept_until: OffsetDateTime,
    manifest_sha256: Option<Vec<u8>>,
    size_bytes: Option<i64>,
}

impl Row {
    fn into_export(self) -> sqlx::Result<Export> {
        let digest = self.manifest_sha256.as_deref().map(Sha256::try_from);
        let digest = read("manifest_sha256", digest.transpose())?;
        let archive = digest.zip(self.size_bytes);
        let failure =
            ExportFailure::ALL.into_iter().find(|failure| Some(failure.as_str()) == self.failure.as_deref());
        let state = match (self.state.as_str(), archive, failure) {
            ("pending", ..) => ExportState::Pending,
            ("ready", Some((manifest_sha256, size_bytes)), _) => {
                ExportState::Ready(Archive { manifest_sha256, size_bytes })
            }
            ("failed", _, Some(failure)) => ExportState::Failed(failure),
            ("erased", ..) => ExportState::Erased,
            _ => return Err(unreadable("state")),
        };
        Ok(Export {
            id: self.id,
            tenant: read("tenant", self.tenant.parse())?,
            case_ref: read("case_ref", self.case_ref.parse())?,
            asked: Act {
                by: read("asked_by", self.asked_by.parse())?,
                at: self.asked_at,
                grounds: read("reason", self.reason.map(|reason| reason.parse()).transpose())?,
            },
            state,
            attempt: self.attempt,
            leased_until: self.leased_until,
            kept_until: self.kept_until,
        })
    }
}

fn read<T, E>(column: &'static str, parsed: Result<T, E>) -> sqlx::Result<T> {
    // The error is not kept: it may quote what a person wrote.
    parsed.map_err(|_| unreadable(column))
}

fn unreadable(column: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("case_exports.{column} holds a value that the domain refuses").into())
}
