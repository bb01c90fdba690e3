//! Tables `settled_accounts`, `settlements` and `settlement_totals`. Whoever writes a settlement holds the lock of its account's row.

use std::collections::BTreeMap;

use ids::{SettledAccountId, SettlementId, Tenant};
use sqlx::PgConnection;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use super::settlement_lines;
use crate::domain::settlement::{Line, Settlement, Totals};
use crate::domain::{AccountName, Currency, Day};

/// An account with something to settle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledAccount {
    /// What its due row is about.
    pub id: SettledAccountId,
    /// What it is called.
    pub account: AccountName,
    /// The day whose report is fetched next.
    pub next_day: Day,
}

/// Begins to settle an account, from the day of the first payment that was charged there on. `None` where that was begun.
#[tracing::instrument(name = "db.settlements.begin", skip_all)]
pub async fn begin(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: SettledAccountId,
    account: &AccountName,
) -> sqlx::Result<Option<Day>> {
    let day = sqlx::query_scalar!(
        r#"insert into settled_accounts (id, tenant, account, next_day)
         select $1, $2, $3, first.day from (
             select min((created_at at time zone 'UTC')::date) as day from payments
             where tenant = $2 and account = $3 and status = 'completed') as first
         where first.day is not null
             and not exists (select from settled_accounts where tenant = $2 and account = $3)
         on conflict (tenant, account) do nothing
         returning next_day"#,
        id.as_uuid(),
        tenant.as_str(),
        account.as_str(),
    );
    Ok(day.fetch_optional(db).await?.map(Day::from))
}

/// Whether an account is settled.
#[tracing::instrument(name = "db.settlements.is_begun", skip_all)]
pub async fn is_begun(db: &mut PgConnection, tenant: &Tenant, account: &AccountName) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from settled_accounts where tenant = $1 and account = $2) as "begun!""#,
        tenant.as_str(),
        account.as_str(),
    )
    .fetch_one(db)
    .await
}

/// Reads an account, by its name.
#[tracing::instrument(name = "db.settlements.account", skip_all)]
pub async fn account(
    db: &mut PgConnection,
    tenant: &Tenant,
    name: &AccountName,
) -> sqlx::Result<Option<SettledAccount>> {
    let row = sqlx::query_as!(
        AccountRow,
        r#"select id as "id: SettledAccountId", account, next_day from settled_accounts where tenant = $1 and account = $2"#,
        tenant.as_str(),
        name.as_str(),
    );
    row.fetch_optional(db).await?.map(AccountRow::into_account).transpose()
}

/// Reads an account, by its id.
#[tracing::instrument(name = "db.settlements.account_of", skip_all)]
pub async fn account_of(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: SettledAccountId,
) -> sqlx::Result<Option<SettledAccount>> {
    let row = sqlx::query_as!(
        AccountRow,
        r#"select id as "id: SettledAccountId", account, next_day from settled_accounts where tenant = $1 and id = $2"#,
        tenant.as_str(),
        id.as_uuid(),
    );
    row.fetch_optional(db).await?.map(AccountRow::into_account).transpose()
}

/// Reads and locks an account.
#[tracing::instrument(name = "db.settlements.lock", skip_all)]
pub async fn lock(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: SettledAccountId,
) -> sqlx::Result<Option<SettledAccount>> {
    let row = sqlx::query_as!(
        AccountRow,
        r#"select id as "id: SettledAccountId", account, next_day from settled_accounts
         where tenant = $1 and id = $2 for update"#,
        tenant.as_str(),
        id.as_uuid(),
    );
    row.fetch_optional(db).await?.map(AccountRow::into_account).transpose()
}

/// Writes which day comes next.
#[tracing::instrument(name = "db.settlements.go_on", skip_all)]
pub async fn go_on(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: SettledAccountId,
    next: Day,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update settled_accounts set next_day = $3 where tenant = $1 and id = $2",
        tenant.as_str(),
        id.as_uuid(),
        next.date(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes a settlement with its totals and lines.
#[tracing::instrument(name = "db.settlements.insert", skip_all)]
pub async fn insert(db: &mut PgConnection, settlement: &Settlement, lines: &[Line]) -> sqlx::Result<()> {
    let (id, tenant) = (settlement.id.as_uuid(), settlement.tenant.as_str());
    sqlx::query!(
        "insert into settlements (id, tenant, account, day, fetched_at, sha256, report_lines, matched, unmatched)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        id,
        tenant,
        settlement.account.as_str(),
        settlement.day.date(),
        settlement.fetched_at,
        &settlement.sha256[..],
        settlement.report_lines,
        settlement.matched,
        settlement.unmatched,
    )
    .execute(&mut *db)
    .await?;
    for (currency, Totals { net, fees, settled, unexplained }) in &settlement.totals {
        sqlx::query!(
            "insert into settlement_totals (tenant, settlement_id, currency, net, fees, settled, unexplained)
             values ($1, $2, $3, $4, $5, $6, $7)",
            tenant,
            id,
            currency.as_str(),
            net,
            fees,
            settled,
            unexplained,
        )
        .execute(&mut *db)
        .await?;
    }
    settlement_lines::insert(db, settlement, lines).await
}

/// Reads a settlement.
#[tracing::instrument(name = "db.settlements.find", skip_all)]
pub async fn find(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: SettlementId,
) -> sqlx::Result<Option<Settlement>> {
    let row = sqlx::query_as!(
        Row,
        r#"select id as "id: SettlementId", tenant, account, day, fetched_at, sha256, report_lines, matched, unmatched
         from settlements where tenant = $1 and id = $2"#,
        tenant.as_str(),
        id.as_uuid(),
    );
    let found = row.fetch_optional(&mut *db).await?;
    Ok(with_totals(db, tenant, found.into_iter().collect()).await?.pop())
}

/// Reads up to `limit` settlements, newest first, beginning after `before`; those with something unmatched alone, if asked.
#[tracing::instrument(name = "db.settlements.list", skip_all)]
pub async fn list(
    db: &mut PgConnection,
    tenant: &Tenant,
    unmatched_only: bool,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<Settlement>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select id as "id: SettlementId", tenant, account, day, fetched_at, sha256, report_lines, matched, unmatched
         from settlements where tenant = $1 and id < $2 and (not $3 or unmatched > 0) order by id desc limit $4"#,
        tenant.as_str(),
        before.unwrap_or(Uuid::max()),
        unmatched_only,
        limit,
    );
    let found = rows.fetch_all(&mut *db).await?;
    with_totals(db, tenant, found).await
}

async fn with_totals(
    db: &mut PgConnection,
    tenant: &Tenant,
    found: Vec<Row>,
) -> sqlx::Result<Vec<Settlement>> {
    let ids: Vec<Uuid> = found.iter().map(|row| row.id.as_uuid()).collect();
    let totals = sqlx::query!(
        r#"select settlement_id as "settlement: SettlementId", currency, net, fees, settled, unexplained
         from settlement_totals where tenant = $1 and settlement_id = any($2)"#,
        tenant.as_str(),
        &ids,
    );
    let mut by_settlement: BTreeMap<SettlementId, BTreeMap<_, Totals>> = BTreeMap::new();
    for row in totals.fetch_all(db).await? {
        let currency = row.currency.parse().map_err(|_| unreadable("currency"))?;
        let totals =
            Totals { net: row.net, fees: row.fees, settled: row.settled, unexplained: row.unexplained };
        by_settlement.entry(row.settlement).or_default().insert(currency, totals);
    }
    found
        .into_iter()
        .map(|row| {
            let totals = by_settlement.remove(&row.id).unwrap_or_default();
            row.into_settlement(totals)
        })
        .collect()
}

struct AccountRow {
    id: SettledAccountId,
    account: String,
    next_day: Date,
}

impl AccountRow {
    fn into_account(self) -> sqlx::Result<SettledAccount> {
        let account = self.account.parse().map_err(|_| unreadable("account"))?;
        Ok(SettledAccount { id: self.id, account, next_day: self.next_day.into() })
    }
}

struct Row {
    id: SettlementId,
    tenant: String,
    account: String,
    day: Date,
    fetched_at: OffsetDateTime,
    sha256: Vec<u8>,
    report_lines: i32,
    matched: i32,
    unmatched: i32,
}

impl Row {
    fn into_settlement(self, totals: BTreeMap<Currency, Totals>) -> sqlx::Result<Settlement> {
        Ok(Settlement {
            id: self.id,
            tenant: self.tenant.parse().map_err(|_| unreadable("tenant"))?,
            account: self.account.parse().map_err(|_| unreadable("account"))?,
            day: self.day.into(),
            fetched_at: self.fetched_at,
            sha256: self.sha256.try_into().map_err(|_| unreadable("sha256"))?,
            report_lines: self.report_lines,
            matched: self.matched,
            unmatched: self.unmatched,
            totals,
        })
    }
}

fn unreadable(column: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("settlements.{column} holds a value that the domain refuses").into())
}
