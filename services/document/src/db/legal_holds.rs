//! Table `legal_holds`. Whoever changes a row holds the lock of its document.

use ids::{DocumentId, HoldId, Subject, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{Act, CaseRef, Grounds, Hold, Release, Version};

/// Reads holds; `$tail` picks which.
macro_rules! select {
    ($tail:tt, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"select id as "id: HoldId", tenant, case_ref, document_id as "document_id: DocumentId", version, reason,
                 placed_by, placed_at, release_asked_by, release_asked_at, release_asked_reason, released_by, released_at,
                 release_reason
             from legal_holds
             "# + $tail,
            $($argument),+
        )
    };
}

/// Writes a new hold, which stands.
#[tracing::instrument(name = "db.legal_holds.insert", skip_all)]
pub async fn insert(db: &mut PgConnection, hold: &Hold) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into legal_holds (id, tenant, case_ref, document_id, version, reason, placed_by, placed_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        hold.id.as_uuid(),
        hold.tenant.as_str(),
        hold.case_ref.as_str(),
        hold.document_id.as_uuid(),
        hold.version.map(Version::number),
        hold.placed.grounds.as_ref().map(Grounds::as_str),
        hold.placed.by.as_str(),
        hold.placed.at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes how far a hold's release has come.
#[tracing::instrument(name = "db.legal_holds.update", skip_all)]
pub async fn update(db: &mut PgConnection, hold: &Hold) -> sqlx::Result<()> {
    let (asked, released) = match &hold.release {
        Release::Standing => (None, None),
        Release::Asked(act) => (Some(act), None),
        Release::Released { asked, act } => (asked.as_ref(), Some(act)),
    };
    let updated = sqlx::query!(
        "update legal_holds set release_asked_by = $3, release_asked_at = $4, release_asked_reason = $5,
             released_by = $6, released_at = $7, release_reason = $8
         where tenant = $1 and id = $2",
        hold.tenant.as_str(),
        hold.id.as_uuid(),
        asked.map(|act| act.by.as_str()),
        asked.map(|act| act.at),
        asked.and_then(|act| act.grounds.as_ref()).map(Grounds::as_str),
        released.map(|act| act.by.as_str()),
        released.map(|act| act.at),
        released.and_then(|act| act.grounds.as_ref()).map(Grounds::as_str),
    )
    .execute(db)
    .await?;
    if updated.rows_affected() == 1 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}

/// Forgets what was written about the holds on a document; none of them may stand.
#[tracing::instrument(name = "db.legal_holds.forget_reasons", skip_all)]
pub async fn forget_reasons(
    db: &mut PgConnection,
    tenant: &Tenant,
    document_id: DocumentId,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update legal_holds set reason = null, release_asked_reason = null, release_reason = null
         where tenant = $1 and document_id = $2 and released_at is not null",
        tenant.as_str(),
        document_id.as_uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Reads a hold.
#[tracing::instrument(name = "db.legal_holds.find", skip_all)]
pub async fn find(db: &mut PgConnection, tenant: &Tenant, id: HoldId) -> sqlx::Result<Option<Hold>> {
    let row = select!("where tenant = $1 and id = $2", tenant.as_str(), id.as_uuid());
    row.fetch_optional(db).await?.map(Row::into_hold).transpose()
}

/// Reads the holds on a document that stand.
#[tracing::instrument(name = "db.legal_holds.standing", skip_all)]
pub async fn standing(
    db: &mut PgConnection,
    tenant: &Tenant,
    document_id: DocumentId,
) -> sqlx::Result<Vec<Hold>> {
    let rows = select!(
        "where tenant = $1 and document_id = $2 and released_at is null order by id",
        tenant.as_str(),
        document_id.as_uuid()
    );
    rows.fetch_all(db).await?.into_iter().map(Row::into_hold).collect()
}

/// Which holds to list; what is given narrows the list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this document.
    pub document_id: Option<DocumentId>,
    /// Of this case.
    pub case_ref: Option<CaseRef>,
    /// Only those that stand.
    pub standing_only: bool,
}

/// Reads up to `limit` holds, newest first, beginning after `before`.
#[tracing::instrument(name = "db.legal_holds.list", skip_all)]
pub async fn list(
    db: &mut PgConnection,
    tenant: &Tenant,
    filter: &Filter,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<Hold>> {
    let rows = select!(
        "where tenant = $1 and id < $2 and ($3::uuid is null or document_id = $3)
             and ($4::text is null or case_ref = $4) and (not $5 or released_at is null)
         order by id desc limit $6",
        tenant.as_str(),
        before.unwrap_or(Uuid::max()),
        filter.document_id.map(Uuid::from),
        filter.case_ref.as_ref().map(CaseRef::as_str),
        filter.standing_only,
        limit,
    );
    rows.fetch_all(db).await?.into_iter().map(Row::into_hold).collect()
}

/// A row as it is stored.
struct Row {
    id: HoldId,
    tenant: String,
    case_ref: String,
    document_id: DocumentId,
    version: Option<i32>,
    reason: Option<String>,
    placed_by: String,
    placed_at: OffsetDateTime,
    release_asked_by: Option<String>,
    release_asked_at: Option<OffsetDateTime>,
    release_asked_reason: Option<String>,
    released_by: Option<String>,
    released_at: Option<OffsetDateTime>,
    release_reason: Option<String>,
}

impl Row {
    fn into_hold(self) -> sqlx::Result<Hold> {
        let placed = act(Some(self.placed_by), Some(self.placed_at), self.reason)?;
        let asked = act(self.release_asked_by, self.release_asked_at, self.release_asked_reason)?;
        let released = act(self.released_by, self.released_at, self.release_reason)?;
        Ok(Hold {
            id: self.id,
            tenant: read("tenant", self.tenant.parse())?,
            case_ref: read("case_ref", self.case_ref.parse())?,
            document_id: self.document_id,
            version: read("version", self.version.map(Version::try_from).transpose())?,
            placed: placed.ok_or_else(|| unreadable("placed_by"))?,
            release: match (asked, released) {
                (None, None) => Release::Standing,
                (Some(asked), None) => Release::Asked(asked),
                (asked, Some(act)) => Release::Released { asked, act },
            },
        })
    }
}

fn act(by: Option<String>, at: Option<OffsetDateTime>, grounds: Option<String>) -> sqlx::Result<Option<Act>> {
    let (Some(by), Some(at)) = (by, at) else { return Ok(None) };
    let by: Subject = read("…_by", by.parse())?;
    let grounds = read("…_reason", grounds.map(|grounds| grounds.parse()).transpose())?;
    Ok(Some(Act { by, at, grounds }))
}

fn read<T, E>(column: &'static str, parsed: Result<T, E>) -> sqlx::Result<T> {
    // The error is not kept: it may quote what a person wrote.
    parsed.map_err(|_| unreadable(column))
}

fn unreadable(column: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("legal_holds.{column} holds a value that the domain refuses").into())
}
