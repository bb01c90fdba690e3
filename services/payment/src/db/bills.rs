//! Tables `bills`, `bill_lines` and `bill_acts`. Whoever changes a bill holds its lock.

use grounds::Grounds;
use ids::{BillId, DocumentId, Subject, Tenant};
use sqlx::PgConnection;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::domain::{Bill, BillLine, BillStatus};

/// Name of the column that keeps what payers are called, for `libs/envelope`.
pub const PAYER_NAME: &str = "bills.payer_name";
/// Name of the column that keeps what lines are for.
pub const DESCRIPTION: &str = "bill_lines.description";

/// Reads bills; `$tail` picks which.
macro_rules! select {
    ($tail:tt, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"select id as "id: BillId", tenant, reference, payer, payer_name, currency, total, paid, credited, given_up, reserved,
                 status, due_on, created_at, issued_at, closed_at, pdf_id as "pdf_id: DocumentId"
             from bills
             "# + $tail,
            $($argument),+
        )
    };
}

/// Writes a new bill with its lines. `false` where another one has its reference.
#[tracing::instrument(name = "db.bills.insert", skip_all)]
pub async fn insert(db: &mut PgConnection, bill: &Bill, lines: &[BillLine]) -> sqlx::Result<bool> {
    let inserted = sqlx::query!(
        "insert into bills (id, tenant, reference, payer, payer_name, currency, total, status, due_on, created_at, issued_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict (tenant, reference) do nothing",
        bill.id.as_uuid(),
        bill.tenant.as_str(),
        bill.reference,
        bill.payer.as_str(),
        bill.payer_name,
        bill.currency.as_str(),
        bill.total,
        bill.status.name(),
        bill.due_on.date(),
        bill.created_at,
        bill.issued_at,
    )
    .execute(&mut *db)
    .await?;
    if inserted.rows_affected() == 0 {
        return Ok(false);
    }
    for (number, line) in (1_i32..).zip(lines) {
        sqlx::query!(
            "insert into bill_lines (tenant, bill_id, number, description, fund, quantity, unit_price, tax_rate_bp)
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
            bill.tenant.as_str(),
            bill.id.as_uuid(),
            number,
            line.description,
            line.fund,
            line.quantity,
            line.unit_price,
            line.tax_rate_bp,
        )
        .execute(&mut *db)
        .await?;
    }
    Ok(true)
}

/// Writes how far a bill has come.
#[tracing::instrument(name = "db.bills.update", skip_all)]
pub async fn update(db: &mut PgConnection, bill: &Bill) -> sqlx::Result<()> {
    let updated = sqlx::query!(
        "update bills set paid = $3, credited = $4, given_up = $5, reserved = $6, status = $7, issued_at = $8, closed_at = $9,
             pdf_id = $10
         where tenant = $1 and id = $2",
        bill.tenant.as_str(),
        bill.id.as_uuid(),
        bill.paid,
        bill.credited,
        bill.given_up,
        bill.reserved,
        bill.status.name(),
        bill.issued_at,
        bill.closed_at,
        bill.pdf_id.map(Uuid::from),
    )
    .execute(db)
    .await?;
    if updated.rows_affected() == 1 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}

/// Reads a bill; for a payer theirs, and no draft.
#[tracing::instrument(name = "db.bills.find", skip_all)]
pub async fn find(
    db: &mut PgConnection,
    tenant: &Tenant,
    payer: Option<&Subject>,
    id: BillId,
) -> sqlx::Result<Option<Bill>> {
    let row = select!(
        "where tenant = $1 and id = $2 and ($3::text is null or (payer = $3 and status <> 'draft'))",
        tenant.as_str(),
        id.as_uuid(),
        payer.map(Subject::as_str),
    );
    row.fetch_optional(db).await?.map(Row::into_bill).transpose()
}

/// Reads and locks a bill.
#[tracing::instrument(name = "db.bills.lock", skip_all)]
pub async fn lock(db: &mut PgConnection, tenant: &Tenant, id: BillId) -> sqlx::Result<Option<Bill>> {
    let row = select!("where tenant = $1 and id = $2 for update", tenant.as_str(), id.as_uuid());
    row.fetch_optional(db).await?.map(Row::into_bill).transpose()
}

/// Which bills to list; what is given narrows the list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this payer.
    pub payer: Option<Subject>,
    /// No drafts.
    pub no_drafts: bool,
    /// Those that stand so.
    pub status: Option<BillStatus>,
}

/// Reads up to `limit` bills, newest first, beginning after `before`.
#[tracing::instrument(name = "db.bills.list", skip_all)]
pub async fn list(
    db: &mut PgConnection,
    tenant: &Tenant,
    filter: &Filter,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<Bill>> {
    let rows = select!(
        "where tenant = $1 and id < $2 and ($3::text is null or payer = $3) and (not $4 or status <> 'draft')
             and ($5::text is null or status = $5)
         order by id desc limit $6",
        tenant.as_str(),
        before.unwrap_or(Uuid::max()),
        filter.payer.as_ref().map(Subject::as_str),
        filter.no_drafts,
        filter.status.map(BillStatus::name),
        limit,
    );
    rows.fetch_all(db).await?.into_iter().map(Row::into_bill).collect()
}

/// Reads the lines of bills, each bill's in order.
#[tracing::instrument(name = "db.bill_lines.of", skip_all)]
pub async fn lines(
    db: &mut PgConnection,
    tenant: &Tenant,
    bills: &[BillId],
) -> sqlx::Result<Vec<(BillId, BillLine)>> {
    let ids: Vec<Uuid> = bills.iter().copied().map(Uuid::from).collect();
    let rows = sqlx::query!(
        r#"select bill_id as "bill_id: BillId", description, fund, quantity, unit_price, tax_rate_bp
         from bill_lines where tenant = $1 and bill_id = any($2) order by bill_id, number"#,
        tenant.as_str(),
        &ids,
    );
    let line = |description, fund, quantity, unit_price, tax_rate_bp| BillLine {
        description,
        fund,
        quantity,
        unit_price,
        tax_rate_bp,
    };
    let rows = rows.fetch_all(db).await?.into_iter();
    Ok(rows
        .map(|row| {
            let line = line(row.description, row.fund, row.quantity, row.unit_price, row.tax_rate_bp);
            (row.bill_id, line)
        })
        .collect())
}

/// What the office did about a bill, and why.
#[derive(Debug)]
pub struct Act<'a> {
    /// Its id; a credit note's.
    pub id: Uuid,
    /// `cancelled`, `credited` or `written_off`.
    pub kind: &'static str,
    /// How much it was about.
    pub amount: i64,
    /// Who did it.
    pub by: &'a Subject,
    /// When.
    pub at: OffsetDateTime,
    /// Why.
    pub reason: &'a Grounds,
}

/// Notes what the office did about a bill.
#[tracing::instrument(name = "db.bill_acts.insert", skip_all)]
pub async fn insert_act(db: &mut PgConnection, bill: &Bill, act: &Act<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into bill_acts (id, tenant, bill_id, number, kind, amount, by, at, reason)
         select $1, $2, $3, coalesce(max(number), 0) + 1, $4, $5, $6, $7, $8
         from bill_acts where tenant = $2 and bill_id = $3",
        act.id,
        bill.tenant.as_str(),
        bill.id.as_uuid(),
        act.kind,
        act.amount,
        act.by.as_str(),
        act.at,
        act.reason.as_str(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How much each credit note of a bill has taken back, in their order.
#[tracing::instrument(name = "db.bill_acts.credits", skip_all)]
pub async fn credits(db: &mut PgConnection, tenant: &Tenant, id: BillId) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "select amount from bill_acts where tenant = $1 and bill_id = $2 and kind = 'credited' order by number",
        tenant.as_str(),
        id.as_uuid(),
    )
    .fetch_all(db)
    .await
}

/// How many bills of a payer are owed, and how many are not: drafts neither, as they cannot be issued for somebody who is erased.
#[tracing::instrument(name = "db.bills.count", skip_all)]
pub async fn count(db: &mut PgConnection, tenant: &Tenant, payer: &Subject) -> sqlx::Result<(i64, i64)> {
    let row = sqlx::query!(
        r#"select count(*) filter (where status in ('issued', 'part_paid')) as "open!", count(*) as "all!"
         from bills where tenant = $1 and payer = $2"#,
        tenant.as_str(),
        payer.as_str(),
    )
    .fetch_one(db)
    .await?;
    Ok((row.open, row.all - row.open))
}

/// Forgets what the office has written about a payer's bills.
#[tracing::instrument(name = "db.bill_acts.forget", skip_all)]
pub async fn forget(db: &mut PgConnection, tenant: &Tenant, payer: &Subject) -> sqlx::Result<()> {
    sqlx::query!(
        "update bill_acts set reason = null
         where tenant = $1 and reason is not null
             and bill_id in (select id from bills where tenant = $1 and payer = $2)",
        tenant.as_str(),
        payer.as_str(),
    )
    .execute(db)
    .await?;
    Ok(())
}

struct Row {
    id: BillId,
    tenant: String,
    reference: String,
    payer: String,
    payer_name: Vec<u8>,
    currency: String,
    total: i64,
    paid: i64,
    credited: i64,
    given_up: i64,
    reserved: i64,
    status: String,
    due_on: Date,
    created_at: OffsetDateTime,
    issued_at: Option<OffsetDateTime>,
    closed_at: Option<OffsetDateTime>,
    pdf_id: Option<DocumentId>,
}

impl Row {
    fn into_bill(self) -> sqlx::Result<Bill> {
        Ok(Bill {
            id: self.id,
            tenant: self.tenant.parse().map_err(|_| unreadable("tenant"))?,
            reference: self.reference,
            payer: self.payer.parse().map_err(|_| unreadable("payer"))?,
            payer_name: self.payer_name,
            currency: self.currency.parse().map_err(|_| unreadable("currency"))?,
            total: self.total,
            paid: self.paid,
            credited: self.credited,
            given_up: self.given_up,
            reserved: self.reserved,
            status: BillStatus::of(&self.status).ok_or_else(|| unreadable("status"))?,
            due_on: self.due_on.into(),
            created_at: self.created_at,
            issued_at: self.issued_at,
            closed_at: self.closed_at,
            pdf_id: self.pdf_id,
        })
    }
}

fn unreadable(column: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("bills.{column} holds a value that the domain refuses").into())
}
