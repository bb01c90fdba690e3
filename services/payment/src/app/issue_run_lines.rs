use envelope::Wrapped;
use ids::{BillRunId, Tenant};
use prost::Message as _;
use proto::payment::v1;
use rpc_error::reason;

use super::bill_runs::run_id;
use super::create_bill::check;
use crate::db::bill_runs::{Line, SEALED};
use crate::domain::{BillRun, RunState};
use crate::error::Broken;
use crate::{Error, State, db, events};

/// Bills of a call.
const MOST_AT_ONCE: i32 = 100;

/// Issues the next bills of a run. Each is written in one transaction with the note that its line has it, under the lock of the run: once,
/// however many call at once and wherever they end.
pub async fn issue_run_lines(
    state: &State,
    tenant: &Tenant,
    request: &v1::IssueRunLinesRequest,
) -> Result<BillRun, Error> {
    let id = run_id(&request.run_id)?;
    if !(1..=MOST_AT_ONCE).contains(&request.limit) {
        return Err(Error::Run(vec![Broken::new("limit", "must be 1 to 100")]));
    }
    let (of, limit) = (tenant.clone(), i64::from(request.limit));
    let found = state.db.tenant(tenant, move |tx| {
        Box::pin(async move {
            let run = db::bill_runs::find(tx, &of, id).await?.ok_or(Error::RunNotFound)?;
            let lines = db::bill_runs::waiting(tx, &of, id, limit).await?;
            let keys = Wrapped::find(tx, lines.iter().map(|line| line.payer.clone()).collect()).await?;
            Ok::<_, Error>((run, lines, keys))
        })
    });
    let (mut run, lines, keys) = found.await?;
    if run.state != RunState::Issuing {
        return Ok(run);
    }
    let keys = state.envelope.unwrap(keys).await?;
    for line in lines {
        // Of who was erased since there is no key.
        let bill = keys.fetched().open(&line.payer, SEALED, &line.sealed)?;
        let bill = bill.and_then(|bill| v1::CreateBillRequest::decode(bill.as_slice()).ok());
        run = issue(state, tenant, id, &line, bill).await?;
        failpoint::pass("run::issued");
    }
    Ok(run)
}

/// Issues one. What stands in its way by now is noted instead; what is away is not.
async fn issue(
    state: &State,
    tenant: &Tenant,
    id: BillRunId,
    line: &Line,
    bill: Option<v1::CreateBillRequest>,
) -> Result<BillRun, Error> {
    let Some(bill) = bill else { return end(state, tenant, id, line, reason::SUBJECT_ERASED).await };
    match write(state, tenant, id, line, &bill).await {
        Err(error) => match for_good(&error) {
            Some(why) => end(state, tenant, id, line, why).await,
            None => Err(error),
        },
        written => written,
    }
}

/// Why a line will be refused whenever it is tried again.
fn for_good(error: &Error) -> Option<&'static str> {
    match error {
        Error::Bill(_) => Some(reason::BILL_INVALID),
        Error::ReferenceTaken => Some(reason::BILL_REFERENCE_TAKEN),
        Error::Envelope(envelope::Error::Erased) => Some(reason::SUBJECT_ERASED),
        _ => None,
    }
}

async fn write(
    state: &State,
    tenant: &Tenant,
    id: BillRunId,
    line: &Line,
    bill: &v1::CreateBillRequest,
) -> Result<BillRun, Error> {
    let asked = check(bill, state.clock.now())?;
    let payers = std::slice::from_ref(&line.payer);
    let keys = state.envelope.keys_to_seal(&state.db, tenant, payers).await?;
    let (of, clock, number) = (tenant.clone(), state.clock.clone(), line.number);
    let written = state.db.tenant(tenant, move |tx| {
        Box::pin(async move {
            let run = db::bill_runs::lock(tx, &of, id).await?.ok_or(Error::RunNotFound)?;
            let (bill, _) = asked.write(tx, &clock, of.clone(), &keys, true).await?;
            if !db::bill_runs::end_line(tx, &of, id, number, Ok(bill.id)).await? {
                // Rolled back: somebody else was first.
                return Err(Error::ReferenceTaken);
            }
            finish(tx, &clock, run.line_done(true, clock.now())).await
        })
    });
    written.await
}

async fn end(
    state: &State,
    tenant: &Tenant,
    id: BillRunId,
    line: &Line,
    why: &str,
) -> Result<BillRun, Error> {
    let (of, clock, number, why) = (tenant.clone(), state.clock.clone(), line.number, why.to_owned());
    let ended = state.db.tenant(tenant, move |tx| {
        Box::pin(async move {
            let run = db::bill_runs::lock(tx, &of, id).await?.ok_or(Error::RunNotFound)?;
            if !db::bill_runs::end_line(tx, &of, id, number, Err(&why)).await? {
                return Ok(run);
            }
            tracing::warn!(run.id = %id, run.line = number, reason = why, "a line of a bill run is refused");
            finish(tx, &clock, run.line_done(false, clock.now())).await
        })
    });
    ended.await
}

async fn finish(tx: &mut pg::Tx, clock: &clock::Clock, run: BillRun) -> Result<BillRun, Error> {
    db::bill_runs::update(tx, &run).await?;
    if run.is_over() {
        due::cancel(tx, super::BILL_RUN, run.id.into()).await?;
        events::append_run(tx, clock, &run, "run_finished").await?;
    }
    Ok(run)
}
