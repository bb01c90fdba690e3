//! Tables `periods` and `period_balances`.

use ids::{PeriodId, Tenant};
use sqlx::PgConnection;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use super::ledger::Total;
use crate::domain::{Month, Period};

/// Has the tenant's books alone until the transaction ends: waits for whoever is posting, and lets nobody begin to.
#[tracing::instrument(name = "db.periods.lock_books", skip_all)]
pub async fn lock_books(db: &mut PgConnection, tenant: &Tenant) -> sqlx::Result<()> {
    sqlx::query!("select pg_advisory_xact_lock(ledger_books($1))", tenant.as_str()).execute(db).await?;
    Ok(())
}

/// The last month that is closed.
#[tracing::instrument(name = "db.periods.closed", skip_all)]
pub async fn closed(db: &mut PgConnection, tenant: &Tenant) -> sqlx::Result<Option<Month>> {
    let month = sqlx::query_scalar!(
        "select max(month) from periods where tenant = $1 and closed_at is not null",
        tenant.as_str(),
    );
    Ok(month.fetch_one(db).await?.map(Month::of))
}

/// Writes that somebody proposes to close a month. `false` where somebody has.
#[tracing::instrument(name = "db.periods.insert", skip_all)]
pub async fn insert(db: &mut PgConnection, period: &Period) -> sqlx::Result<bool> {
    let inserted = sqlx::query!(
        "insert into periods (id, tenant, month, proposed_by, proposed_at) values ($1, $2, $3, $4, $5)
         on conflict (tenant, month) do nothing",
        period.id.as_uuid(),
        period.tenant.as_str(),
        period.month.first_day(),
        period.proposed_by.as_str(),
        period.proposed_at,
    )
    .execute(db)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Reads and locks a month.
#[tracing::instrument(name = "db.periods.lock", skip_all)]
pub async fn lock(db: &mut PgConnection, tenant: &Tenant, month: Month) -> sqlx::Result<Option<Period>> {
    let row = sqlx::query_as!(
        Row,
        r#"select id as "id: PeriodId", tenant, month, proposed_by, proposed_at, closed_by, closed_at
         from periods where tenant = $1 and month = $2 for update"#,
        tenant.as_str(),
        month.first_day(),
    );
    row.fetch_optional(db).await?.map(Row::into_period).transpose()
}

/// Writes that a month is closed, and its trial balance: what every account had come to at its end. The books are locked.
#[tracing::instrument(name = "db.periods.close", skip_all)]
pub async fn close(db: &mut PgConnection, period: &Period) -> sqlx::Result<()> {
    let Some((by, at)) = &period.closed else { return Err(sqlx::Error::RowNotFound) };
    sqlx::query!(
        "update periods set closed_by = $3, closed_at = $4 where tenant = $1 and id = $2",
        period.tenant.as_str(),
        period.id.as_uuid(),
        by.as_str(),
        at,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "insert into period_balances (tenant, period_id, account_id, debits, credits)
         select $1, $2, p.account_id, coalesce(sum(p.amount) filter (where p.amount > 0), 0),
             coalesce(-sum(p.amount) filter (where p.amount < 0), 0)
         from ledger_postings p join ledger_entries e on e.tenant = $1 and e.id = p.entry_id
         where p.tenant = $1 and e.posted_at < $3
         group by p.account_id",
        period.tenant.as_str(),
        period.id.as_uuid(),
        period.month.end(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Reads up to `limit` months, the one proposed last first, beginning after `before`.
#[tracing::instrument(name = "db.periods.list", skip_all)]
pub async fn list(
    db: &mut PgConnection,
    tenant: &Tenant,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<Period>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select id as "id: PeriodId", tenant, month, proposed_by, proposed_at, closed_by, closed_at
         from periods where tenant = $1 and id < $2 order by id desc limit $3"#,
        tenant.as_str(),
        before.unwrap_or(Uuid::max()),
        limit,
    );
    rows.fetch_all(db).await?.into_iter().map(Row::into_period).collect()
}

/// What the stored trial balance of a month comes to in a currency, and of how many accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summed {
    /// Which month.
    pub period: PeriodId,
    /// What it comes to.
    pub total: Total,
    /// How many accounts.
    pub accounts: i64,
}

/// Sums up the stored trial balances of months.
#[tracing::instrument(name = "db.periods.totals", skip_all)]
pub async fn totals(
    db: &mut PgConnection,
    tenant: &Tenant,
    periods: &[PeriodId],
) -> sqlx::Result<Vec<Summed>> {
    let ids: Vec<Uuid> = periods.iter().map(|id| id.as_uuid()).collect();
    let rows = sqlx::query!(
        r#"select b.period_id as "period: PeriodId", a.currency, sum(b.debits)::bigint as "debits!",
             sum(b.credits)::bigint as "credits!", count(*) as "accounts!"
         from period_balances b join ledger_accounts a on a.tenant = $1 and a.id = b.account_id
         where b.tenant = $1 and b.period_id = any($2) group by 1, 2 order by 1, 2"#,
        tenant.as_str(),
        &ids,
    );
    let rows = rows.fetch_all(db).await?.into_iter();
    Ok(rows
        .map(|row| Summed {
            period: row.period,
            total: Total { currency: row.currency, debits: row.debits, credits: row.credits },
            accounts: row.accounts,
        })
        .collect())
}

struct Row {
    id: PeriodId,
    tenant: String,
    month: Date,
    proposed_by: String,
    proposed_at: OffsetDateTime,
    closed_by: Option<String>,
    closed_at: Option<OffsetDateTime>,
}

impl Row {
    fn into_period(self) -> sqlx::Result<Period> {
        let closed_by = self.closed_by.map(|by| by.parse()).transpose();
        Ok(Period {
            id: self.id,
            tenant: self.tenant.parse().map_err(|_| unreadable("tenant"))?,
            month: Month::of(self.month),
            proposed_by: self.proposed_by.parse().map_err(|_| unreadable("proposed_by"))?,
            proposed_at: self.proposed_at,
            closed: closed_by.map_err(|_| unreadable("closed_by"))?.zip(self.closed_at),
        })
    }
}

fn unreadable(column: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("periods.{column} holds a value that the domain refuses").into())
}
