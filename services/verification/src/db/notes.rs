//! Table `notes`.

use ids::{CaseId, NoteId, Subject, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;

/// Name of the sealed column.
pub const BODY: &str = "notes.body";

/// A note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its id.
    pub id: NoteId,
    /// Who wrote it.
    pub by: String,
    /// When.
    pub at: OffsetDateTime,
    /// What, sealed; gone once the person was erased.
    pub body: Option<Vec<u8>>,
}

/// Writes a note.
#[tracing::instrument(name = "db.notes.insert", skip_all)]
pub async fn insert(
    db: &mut PgConnection,
    tenant: &Tenant,
    case_id: CaseId,
    (id, by, at): (NoteId, &Subject, OffsetDateTime),
    body: &[u8],
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into notes (id, tenant, case_id, written_by, written_at, body) values ($1, $2, $3, $4, $5, $6)",
        id.as_uuid(),
        tenant.as_str(),
        case_id.as_uuid(),
        by.as_str(),
        at,
        body,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How many notes a case has.
#[tracing::instrument(name = "db.notes.count", skip_all)]
pub async fn count(db: &mut PgConnection, tenant: &Tenant, case_id: CaseId) -> sqlx::Result<i64> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from notes where tenant = $1 and case_id = $2"#,
        tenant.as_str(),
        case_id.as_uuid(),
    );
    count.fetch_one(db).await
}

/// The notes on a case, oldest first.
#[tracing::instrument(name = "db.notes.of_case", skip_all)]
pub async fn of_case(db: &mut PgConnection, tenant: &Tenant, case_id: CaseId) -> sqlx::Result<Vec<Note>> {
    sqlx::query_as!(
        Note,
        r#"select id as "id: NoteId", written_by as by, written_at as at, body from notes
         where tenant = $1 and case_id = $2 order by id limit 200"#,
        tenant.as_str(),
        case_id.as_uuid(),
    )
    .fetch_all(db)
    .await
}
