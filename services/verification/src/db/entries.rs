//! Table `case_entries`: what has happened to a case, written under its lock.

use ids::{CaseId, Subject, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::{CheckKind, Reason};

/// Something that has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// 1, and one more for each of the case.
    pub number: i32,
    /// What.
    pub event: String,
    /// When.
    pub at: OffsetDateTime,
    /// The check that it is about.
    pub check: Option<CheckKind>,
    /// What came of that.
    pub reason: Option<Reason>,
    /// The account at a provider.
    pub account: Option<String>,
    /// Who did it.
    pub by: Option<String>,
}

/// What is written of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct What<'a> {
    /// The check that it is about.
    pub check: Option<CheckKind>,
    /// What came of that.
    pub reason: Option<Reason>,
    /// The account at a provider.
    pub account: Option<&'a str>,
    /// Who did it.
    pub by: Option<&'a Subject>,
}

/// Writes the next one.
#[tracing::instrument(name = "db.entries.append", skip_all)]
pub async fn append(
    db: &mut PgConnection,
    tenant: &Tenant,
    case_id: CaseId,
    event: &str,
    at: OffsetDateTime,
    what: What<'_>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "with counted as (update cases set entries = entries + 1 where tenant = $1 and id = $2 returning entries)
         insert into case_entries (tenant, case_id, number, event, at, check_kind, reason, account, by)
         select $1, $2, counted.entries, $3, $4, $5, $6, $7, $8 from counted",
        tenant.as_str(),
        case_id.as_uuid(),
        event,
        at,
        what.check.map(CheckKind::name),
        what.reason.map(Reason::name),
        what.account,
        what.by.map(Subject::as_str),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What has happened to a case, oldest first, at most 1,000.
#[tracing::instrument(name = "db.entries.of_case", skip_all)]
pub async fn of_case(db: &mut PgConnection, tenant: &Tenant, case_id: CaseId) -> sqlx::Result<Vec<Entry>> {
    let rows = sqlx::query!(
        "select number, event, at, check_kind, reason, account, by from case_entries
         where tenant = $1 and case_id = $2 order by number limit 1000",
        tenant.as_str(),
        case_id.as_uuid(),
    );
    let entries = rows.fetch_all(db).await?.into_iter().map(|row| Entry {
        number: row.number,
        event: row.event,
        at: row.at,
        check: row.check_kind.as_deref().and_then(CheckKind::named),
        reason: row.reason.as_deref().and_then(Reason::named),
        account: row.account,
        by: row.by,
    });
    Ok(entries.collect())
}
