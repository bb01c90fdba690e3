//! Tables `bill_runs`, `bill_run_lines` and `bill_run_faults`. Whoever changes what belongs to a run holds the run's lock.

use ids::{BillId, BillRunId, DocumentId, Subject, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::bill_run::MOST_FAULTS;
use crate::domain::{BillRun, RunFailure, RunFormat, RunState};

/// Name of the column that keeps lines, for `libs/envelope`.
pub const SEALED: &str = "bill_run_lines.sealed";

/// Reads runs; `$tail` picks which.
macro_rules! select {
    ($tail:tt, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"select id as "id: BillRunId", tenant, document_id as "document_id: DocumentId", format, status, failure, lines, faulty,
                 issued, refused, requested_by, created_at, finished_at
             from bill_runs
             "# + $tail,
            $($argument),+
        )
    };
}

/// Writes a new run. `false` where the document has one that did not fail.
#[tracing::instrument(name = "db.bill_runs.insert", skip_all)]
pub async fn insert(db: &mut PgConnection, run: &BillRun) -> sqlx::Result<bool> {
    let inserted = sqlx::query!(
        "insert into bill_runs (id, tenant, document_id, format, status, requested_by, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (tenant, document_id) where status <> 'failed' do nothing",
        run.id.as_uuid(),
        run.tenant.as_str(),
        run.document_id.as_uuid(),
        run.format.name(),
        run.state.name(),
        run.requested_by.as_str(),
        run.created_at,
    )
    .execute(db)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Writes how far a run has come.
#[tracing::instrument(name = "db.bill_runs.update", skip_all)]
pub async fn update(db: &mut PgConnection, run: &BillRun) -> sqlx::Result<()> {
    let failure = match run.state {
        RunState::Failed(failure) => Some(failure.name()),
        _ => None,
    };
    let updated = sqlx::query!(
        "update bill_runs set status = $3, failure = $4, lines = $5, faulty = $6, issued = $7, refused = $8, finished_at = $9
         where tenant = $1 and id = $2",
        run.tenant.as_str(),
        run.id.as_uuid(),
        run.state.name(),
        failure,
        run.lines,
        run.faulty,
        run.issued,
        run.refused,
        run.finished_at,
    )
    .execute(db)
    .await?;
    if updated.rows_affected() == 1 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}

/// Reads a run.
#[tracing::instrument(name = "db.bill_runs.find", skip_all)]
pub async fn find(db: &mut PgConnection, tenant: &Tenant, id: BillRunId) -> sqlx::Result<Option<BillRun>> {
    let row = select!("where tenant = $1 and id = $2", tenant.as_str(), id.as_uuid());
    row.fetch_optional(db).await?.map(Row::into_run).transpose()
}

/// Reads and locks a run.
#[tracing::instrument(name = "db.bill_runs.lock", skip_all)]
pub async fn lock(db: &mut PgConnection, tenant: &Tenant, id: BillRunId) -> sqlx::Result<Option<BillRun>> {
    let row = select!("where tenant = $1 and id = $2 for update", tenant.as_str(), id.as_uuid());
    row.fetch_optional(db).await?.map(Row::into_run).transpose()
}

/// Reads up to `limit` runs, newest first, beginning after `before`.
#[tracing::instrument(name = "db.bill_runs.list", skip_all)]
pub async fn list(
    db: &mut PgConnection,
    tenant: &Tenant,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<BillRun>> {
    let rows = select!(
        "where tenant = $1 and id < $2 order by id desc limit $3",
        tenant.as_str(),
        before.unwrap_or(Uuid::max()),
        limit,
    );
    rows.fetch_all(db).await?.into_iter().map(Row::into_run).collect()
}

/// A line that is right.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its number, from 1.
    pub number: i32,
    /// What the bill will be called.
    pub reference: String,
    /// Who will owe it.
    pub payer: Subject,
    /// The bill as it was asked for, sealed for the payer.
    pub sealed: Vec<u8>,
}

/// Writes a line. `false` where an earlier line of the run, or a bill, has its reference.
#[tracing::instrument(name = "db.bill_runs.insert_line", skip_all)]
pub async fn insert_line(
    db: &mut PgConnection,
    tenant: &Tenant,
    run: BillRunId,
    line: &Line,
) -> sqlx::Result<bool> {
    let inserted = sqlx::query!(
        "insert into bill_run_lines (tenant, run_id, number, reference, payer, sealed)
         select $1, $2, $3, $4, $5, $6
         where not exists (select from bills where tenant = $1 and reference = $4)
         on conflict (tenant, run_id, reference) do nothing",
        tenant.as_str(),
        run.as_uuid(),
        line.number,
        line.reference,
        line.payer.as_str(),
        line.sealed,
    )
    .execute(db)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Reads up to `limit` lines that have no bill yet, in their order.
#[tracing::instrument(name = "db.bill_runs.waiting", skip_all)]
pub async fn waiting(
    db: &mut PgConnection,
    tenant: &Tenant,
    run: BillRunId,
    limit: i64,
) -> sqlx::Result<Vec<Line>> {
    let rows = sqlx::query!(
        r#"select number, reference, payer, sealed as "sealed!" from bill_run_lines
         where tenant = $1 and run_id = $2 and sealed is not null order by number limit $3"#,
        tenant.as_str(),
        run.as_uuid(),
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let payer = row.payer.parse().map_err(|_| unreadable("payer"))?;
            Ok(Line { number: row.number, reference: row.reference, payer, sealed: row.sealed })
        })
        .collect()
}

/// Notes which bill a line has, or why it has none. `false` where it was noted before.
#[tracing::instrument(name = "db.bill_runs.end_line", skip_all)]
pub async fn end_line(
    db: &mut PgConnection,
    tenant: &Tenant,
    run: BillRunId,
    number: i32,
    outcome: Result<BillId, &str>,
) -> sqlx::Result<bool> {
    let updated = sqlx::query!(
        "update bill_run_lines set sealed = null, bill_id = $4, refused = $5
         where tenant = $1 and run_id = $2 and number = $3 and sealed is not null",
        tenant.as_str(),
        run.as_uuid(),
        number,
        outcome.ok().map(Uuid::from),
        outcome.err(),
    )
    .execute(db)
    .await?;
    Ok(updated.rows_affected() == 1)
}

/// Forgets the lines of a run that has failed.
#[tracing::instrument(name = "db.bill_runs.delete_lines", skip_all)]
pub async fn delete_lines(db: &mut PgConnection, tenant: &Tenant, run: BillRunId) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from bill_run_lines where tenant = $1 and run_id = $2",
        tenant.as_str(),
        run.as_uuid()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A rule that a line breaks.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The line's number, from 1.
    pub line: i32,
    /// Which field.
    pub field: String,
    /// Which rule.
    pub rule: String,
}

/// Writes what a line breaks, as long as the run has not too many.
#[tracing::instrument(name = "db.bill_runs.insert_fault", skip_all)]
pub async fn insert_fault(
    db: &mut PgConnection,
    tenant: &Tenant,
    run: BillRunId,
    number: i32,
    fault: &Fault,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into bill_run_faults (tenant, run_id, line, number, field, rule)
         select $1, $2, $3, $4, $5, $6
         where (select count(*) from bill_run_faults where tenant = $1 and run_id = $2) < $7
         on conflict do nothing",
        tenant.as_str(),
        run.as_uuid(),
        fault.line,
        number,
        fault.field,
        fault.rule,
        MOST_FAULTS,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Reads what lines of a run break, in their order.
#[tracing::instrument(name = "db.bill_runs.faults", skip_all)]
pub async fn faults(db: &mut PgConnection, tenant: &Tenant, run: BillRunId) -> sqlx::Result<Vec<Fault>> {
    sqlx::query_as!(
        Fault,
        "select line, field, rule from bill_run_faults where tenant = $1 and run_id = $2 order by line, number limit $3",
        tenant.as_str(),
        run.as_uuid(),
        MOST_FAULTS,
    )
    .fetch_all(db)
    .await
}

struct Row {
    id: BillRunId,
    tenant: String,
    document_id: DocumentId,
    format: String,
    status: String,
    failure: Option<String>,
    lines: i32,
    faulty: i32,
    issued: i32,
    refused: i32,
    requested_by: String,
    created_at: OffsetDateTime,
    finished_at: Option<OffsetDateTime>,
}

impl Row {
    fn into_run(self) -> sqlx::Result<BillRun> {
        let format = match &*self.format {
            "csv" => RunFormat::Csv,
            "json_lines" => RunFormat::JsonLines,
            _ => return Err(unreadable("format")),
        };
        let state = match &*self.status {
            "checking" => RunState::Checking,
            "issuing" => RunState::Issuing,
            "finished" => RunState::Finished,
            "failed" => RunState::Failed(failure(self.failure.as_deref())?),
            _ => return Err(unreadable("status")),
        };
        Ok(BillRun {
            id: self.id,
            tenant: self.tenant.parse().map_err(|_| unreadable("tenant"))?,
            document_id: self.document_id,
            format,
            state,
            lines: self.lines,
            faulty: self.faulty,
            issued: self.issued,
            refused: self.refused,
            requested_by: self.requested_by.parse().map_err(|_| unreadable("requested_by"))?,
            created_at: self.created_at,
            finished_at: self.finished_at,
        })
    }
}

fn failure(name: Option<&str>) -> sqlx::Result<RunFailure> {
    Ok(match name {
        Some("lines") => RunFailure::Lines,
        Some("document") => RunFailure::Document,
        Some("columns") => RunFailure::Columns,
        Some("encoding") => RunFailure::Encoding,
        Some("empty") => RunFailure::Empty,
        Some("too_large") => RunFailure::TooLarge,
        _ => return Err(unreadable("failure")),
    })
}

fn unreadable(column: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("bill_runs.{column} holds a value that the domain refuses").into())
}
