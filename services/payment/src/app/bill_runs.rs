//! Runs as staff ask for them and see them.

use auth::Caller;
use idempotency::{KEEP, Key, Outcome};
use ids::{BillRunId, DocumentId, Tenant};
use pg::Tx;
use proto::Operation;
use proto::payment::v1;
use time::OffsetDateTime;

use super::{BILL_RUN, PATIENCE_WITH_WORKFLOWS, Page};
use crate::db::bill_runs::Fault;
use crate::domain::{BillRun, PageToken, RunFormat, RunState};
use crate::error::Broken;
use crate::{Error, State, db, events, work_events};

/// Begins a run: its document is read, checked, and worked through after the commit.
pub async fn create_run(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::CreateRunRequest,
) -> Result<Outcome<v1::BillRun>, Error> {
    let mut broken = Vec::new();
    let document_id = request.document_id.parse::<DocumentId>();
    if let Err(rule) = &document_id {
        broken.push(Broken::new("document_id", rule.to_string()));
    }
    let format = match request.format() {
        v1::BillRunFormat::Csv => Some(RunFormat::Csv),
        v1::BillRunFormat::JsonLines => Some(RunFormat::JsonLines),
        v1::BillRunFormat::Unspecified => None,
    };
    if format.is_none() {
        broken.push(Broken::new("format", "must be csv or json_lines"));
    }
    let (Ok(document_id), Some(format)) = (document_id, format) else { return Err(Error::Run(broken)) };

    let (tenant, clock, by) = (caller.tenant.clone(), state.clock.clone(), caller.subject.clone());
    let scope = super::scope(caller, Operation::BillingCreateRun, key);
    idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx| {
        Box::pin(async move {
            let run = BillRun {
                id: BillRunId::mint(&clock),
                tenant,
                document_id,
                format,
                state: RunState::Checking,
                lines: 0,
                faulty: 0,
                issued: 0,
                refused: 0,
                requested_by: by,
                created_at: clock.now(),
                finished_at: None,
            };
            if !db::bill_runs::insert(tx, &run).await? {
                return Err(Error::RunExists);
            }
            due::schedule(tx, BILL_RUN, run.id.into(), clock.now() + PATIENCE_WITH_WORKFLOWS).await?;
            events::append_run(tx, &clock, &run, "run_started").await?;
            work_events::append_run(tx, &clock, run.id).await?;
            Ok::<_, Error>(v1::BillRun::from(&run))
        })
    })
    .await
}

/// Reads a run.
pub async fn get_run(state: &State, tenant: &Tenant, id: &str) -> Result<BillRun, Error> {
    let (of, id) = (tenant.clone(), run_id(id)?);
    let found = state.db.tenant(tenant, move |tx| {
        Box::pin(async move { db::bill_runs::find(tx, &of, id).await?.ok_or(Error::RunNotFound) })
    });
    found.await
}

/// Lists runs, newest first.
pub async fn list_runs(
    state: &State,
    caller: &Caller,
    request: &v1::ListRunsRequest,
) -> Result<Page<BillRun>, Error> {
    let (size, after) = paging::parse(request.page_size, &request.page_token)?;
    let (tenant, limit) = (caller.tenant.clone(), i64::from(size.get()) + 1);
    let found = state.db.tenant(&caller.tenant, move |tx| {
        Box::pin(async move {
            Ok::<_, Error>(db::bill_runs::list(tx, &tenant, after.map(PageToken::last), limit).await?)
        })
    });
    Ok(paging::cut(found.await?, size, |run| run.id.into()))
}

/// Lists what lines of a run break.
pub async fn list_run_faults(state: &State, caller: &Caller, id: &str) -> Result<Vec<Fault>, Error> {
    let (tenant, id) = (caller.tenant.clone(), run_id(id)?);
    let found = state.db.tenant(&caller.tenant, move |tx| {
        Box::pin(async move {
            db::bill_runs::find(tx, &tenant, id).await?.ok_or(Error::RunNotFound)?;
            Ok::<_, Error>(db::bill_runs::faults(tx, &tenant, id).await?)
        })
    });
    found.await
}

/// Tells the workflow again of a run that is not over, and says when to do so next; `None` once it is.
///
/// # Errors
/// The database's.
pub async fn remind_of_run(
    tx: &mut Tx,
    clock: &clock::Clock,
    id: BillRunId,
) -> Result<Option<OffsetDateTime>, Error> {
    let tenant = tx.tenant().clone();
    let run = db::bill_runs::lock(tx, &tenant, id).await?;
    if run.is_none_or(|run| run.is_over()) {
        return Ok(None);
    }
    work_events::append_run(tx, clock, id).await?;
    Ok(Some(clock.now() + PATIENCE_WITH_WORKFLOWS))
}

/// The run that a request names. What is no id names no run.
pub(super) fn run_id(text: &str) -> Result<BillRunId, Error> {
    text.parse().map_err(|_| Error::RunNotFound)
}
