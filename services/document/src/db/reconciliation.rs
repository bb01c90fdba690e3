//! Table `reconciliation`, and what the reconciler may see of all tenants: ids, and where versions stand.

use ids::{DocumentId, Tenant, VersionId};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::Status;

/// The two numbers of the lock of whoever reconciles: "ghld", and the reconciler's among Guildhall's.
const LOCK: (i32, i32) = (0x6768_6c64, 3);

/// A pass, as far as it has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Pass {
    /// When it began.
    pub started_at: OffsetDateTime,
    /// What it walks over; `None` once it is finished.
    pub stage: Option<String>,
    /// What it looked at last there.
    pub after: Option<String>,
    /// What it has found.
    pub report: serde_json::Value,
    /// When it was finished.
    pub finished_at: Option<OffsetDateTime>,
}

/// A version, whoever's it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Whose.
    pub tenant: Tenant,
    /// The version's id.
    pub id: VersionId,
    /// Its document.
    pub document_id: DocumentId,
    /// Its number.
    pub version: i32,
    /// Where it stands.
    pub status: Status,
}

/// Takes the lock, for as long as this session lasts, if nobody has it.
#[tracing::instrument(name = "db.reconciliation.try_lock", skip_all)]
pub async fn try_lock(db: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"select pg_try_advisory_lock($1, $2) as "locked!""#, LOCK.0, LOCK.1)
        .fetch_one(db)
        .await
}

/// Gives the lock back.
pub async fn unlock(db: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query_scalar!(r#"select pg_advisory_unlock($1, $2) as "had!""#, LOCK.0, LOCK.1)
        .fetch_one(db)
        .await
        .map(drop)
}

/// Whether this session is still there, and with it its lock.
pub async fn alive(db: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query_scalar!(r#"select 1 as "one!""#).fetch_one(db).await.map(drop)
}

/// Reads the pass under way, or the last one.
#[tracing::instrument(name = "db.reconciliation.find", skip_all)]
pub async fn find(db: &mut PgConnection) -> sqlx::Result<Option<Pass>> {
    sqlx::query_as!(Pass, "select started_at, stage, after, report, finished_at from reconciliation")
        .fetch_optional(db)
        .await
}

/// Writes how far a pass is.
#[tracing::instrument(name = "db.reconciliation.write", skip_all)]
pub async fn write(db: &mut PgConnection, pass: &Pass) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into reconciliation (started_at, stage, after, report, finished_at) values ($1, $2, $3, $4, $5)
         on conflict (tenant) do update set started_at = excluded.started_at, stage = excluded.stage,
             after = excluded.after, report = excluded.report, finished_at = excluded.finished_at",
        pass.started_at,
        pass.stage,
        pass.after,
        pass.report,
        pass.finished_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Reads up to `limit` versions of all tenants, by id, beginning after `after`.
#[tracing::instrument(name = "db.document_versions.walk", skip_all)]
pub async fn versions(db: &mut PgConnection, after: Option<Uuid>, limit: i64) -> sqlx::Result<Vec<Owner>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select tenant as "tenant: Tenant", id as "id: VersionId", document_id as "document_id: DocumentId",
             version, status
         from document_versions where id > $1 order by id limit $2"#,
        after.unwrap_or_default(),
        limit,
    );
    rows.fetch_all(db).await?.into_iter().map(Row::into_owner).collect()
}

/// Reads the versions that these documents have of these numbers, in no order; what is not there is left out.
#[tracing::instrument(name = "db.document_versions.owners", skip_all)]
pub async fn owners(db: &mut PgConnection, documents: &[Uuid], versions: &[i32]) -> sqlx::Result<Vec<Owner>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select v.tenant as "tenant: Tenant", v.id as "id: VersionId", v.document_id as "document_id: DocumentId",
             v.version, v.status
         from unnest($1::uuid[], $2::integer[]) as named (document_id, version)
         join documents d on d.id = named.document_id
         join document_versions v on v.tenant = d.tenant and v.document_id = d.id and v.version = named.version"#,
        documents,
        versions,
    );
    rows.fetch_all(db).await?.into_iter().map(Row::into_owner).collect()
}

/// A version's row, as far as it may be seen.
struct Row {
    tenant: Tenant,
    id: VersionId,
    document_id: DocumentId,
    version: i32,
    status: String,
}

impl Row {
    fn into_owner(self) -> sqlx::Result<Owner> {
        let Self { tenant, id, document_id, version, status } = self;
        let status = Status::from_name(&status).ok_or_else(|| {
            sqlx::Error::Decode("document_versions.status holds a value that the domain refuses".into())
        })?;
        Ok(Owner { tenant, id, document_id, version, status })
    }
}
