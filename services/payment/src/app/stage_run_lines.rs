use std::collections::HashSet;

use ids::{BillRunId, Subject, Tenant};
use pg::Tx;
use prost::Message as _;
use proto::payment::v1;

use super::bill_runs::get_run;
use super::create_bill::check;
use crate::db::bill_runs::{Fault, Line, SEALED};
use crate::domain::bill_run::MOST_LINES;
use crate::domain::{BillRun, RunFailure, RunState};
use crate::error::Broken;
use crate::{Error, State, db, events};

/// Lines of a call.
const MOST_AT_ONCE: usize = 500;

/// What is known of a line before it is written.
enum Checked {
    Right { reference: String, payer: Subject, bill: Vec<u8> },
    Wrong(Vec<Broken>),
}

/// Takes lines of a run as they were read, and checks them. Lines that were taken before are not looked at again, so that who reads may
/// begin anew anywhere before the end.
pub async fn stage_run_lines(
    state: &State,
    tenant: &Tenant,
    request: &v1::StageRunLinesRequest,
) -> Result<BillRun, Error> {
    let run = get_run(state, tenant, &request.run_id).await?;
    let id = run.id;
    if request.lines.len() > MOST_AT_ONCE || request.first_line < 1 {
        return Err(Error::Run(vec![Broken::new("lines", "must be at most 500, from line 1 on")]));
    }
    if run.state != RunState::Checking {
        return Ok(run);
    }
    let known = usize::try_from(run.lines - (request.first_line - 1));
    let known = known.map_err(|_| Error::Run(vec![Broken::new("first_line", "must follow on")]))?;
    let now = state.clock.now();
    let mut checked: Vec<_> = request.lines.iter().skip(known).map(|line| look(line, now)).collect();
    refuse_erased(state, tenant, &mut checked).await?;
    let payers: HashSet<Subject> = checked.iter().filter_map(Checked::payer).cloned().collect();
    let payers: Vec<_> = payers.into_iter().collect();
    let keys = state.envelope.keys_to_seal(&state.db, tenant, &payers).await?;

    let (of, clock, last) = (tenant.clone(), state.clock.clone(), request.last);
    let failure = failure(request.failure());
    let staged = state.db.tenant(tenant, move |tx| {
        Box::pin(async move {
            let locked = db::bill_runs::lock(tx, &of, id).await?.ok_or(Error::RunNotFound)?;
            // Somebody else has read on meanwhile: what is here is old.
            if locked.lines != run.lines || locked.state != RunState::Checking {
                return Ok(locked);
            }
            let keys = keys.lock(tx).await?;
            let (mut run, mut number) = (locked, run.lines);
            for line in checked {
                number += 1;
                let broken = match line {
                    Checked::Wrong(broken) => broken,
                    Checked::Right { reference, payer, bill } => {
                        let sealed = keys.seal(&payer, SEALED, &bill)?;
                        let line = Line { number, reference, payer, sealed };
                        if db::bill_runs::insert_line(tx, &of, id, &line).await? {
                            Vec::new()
                        } else {
                            vec![Broken::new("reference", "must be of no other line, and of no bill")]
                        }
                    }
                };
                run = run.staged(1, i32::from(!broken.is_empty()));
                note(tx, &of, id, number, broken).await?;
            }
            let now = clock.now();
            run = match failure {
                Some(failure) => run.fail(failure, now),
                None if run.lines > MOST_LINES => run.fail(RunFailure::TooLarge, now),
                None if last => run.read(now),
                None => run,
            };
            if run.is_over() {
                db::bill_runs::delete_lines(tx, &of, id).await?;
                due::cancel(tx, super::BILL_RUN, id.into()).await?;
                events::append_run(tx, &clock, &run, "run_finished").await?;
            }
            db::bill_runs::update(tx, &run).await?;
            failpoint::pass("run::staged");
            Ok::<_, Error>(run)
        })
    });
    staged.await
}

fn look(line: &v1::StagedLine, now: time::OffsetDateTime) -> Checked {
    let unread = line.faults.iter().map(|fault| Broken::new(fault.field.clone(), fault.rule.clone()));
    let mut unread: Vec<_> = unread.collect();
    match line.bill.as_ref().map(|bill| (bill, check(bill, now))) {
        _ if !unread.is_empty() => Checked::Wrong(unread),
        Some((bill, Ok(asked))) => {
            let bill = v1::CreateBillRequest { issue: true, ..bill.clone() };
            Checked::Right { reference: asked.reference, payer: asked.payer, bill: bill.encode_to_vec() }
        }
        Some((_, Err(Error::Bill(broken)))) => Checked::Wrong(broken),
        Some((_, Err(_))) | None => {
            unread.push(Broken::new("line", "must be a bill"));
            Checked::Wrong(unread)
        }
    }
}

/// Lines of who was erased: nobody seals for them.
async fn refuse_erased(state: &State, tenant: &Tenant, checked: &mut [Checked]) -> Result<(), Error> {
    let payers: HashSet<Subject> = checked.iter().filter_map(Checked::payer).cloned().collect();
    let erased = state.db.tenant(tenant, move |tx| {
        Box::pin(async move {
            let mut erased = HashSet::new();
            for payer in payers {
                if envelope::erased_at(tx, &payer).await?.is_some() {
                    erased.insert(payer);
                }
            }
            Ok::<_, Error>(erased)
        })
    });
    let erased = erased.await?;
    for line in checked {
        if line.payer().is_some_and(|payer| erased.contains(payer)) {
            *line = Checked::Wrong(vec![Broken::new("payer", "must be nobody whose data was erased")]);
        }
    }
    Ok(())
}

impl Checked {
    fn payer(&self) -> Option<&Subject> {
        match self {
            Self::Right { payer, .. } => Some(payer),
            Self::Wrong(_) => None,
        }
    }
}

async fn note(
    tx: &mut Tx,
    tenant: &Tenant,
    id: BillRunId,
    line: i32,
    broken: Vec<Broken>,
) -> Result<(), Error> {
    for (number, Broken { field, rule }) in (1..).zip(broken) {
        db::bill_runs::insert_fault(tx, tenant, id, number, &Fault { line, field, rule }).await?;
    }
    Ok(())
}

fn failure(failure: v1::BillRunFailure) -> Option<RunFailure> {
    match failure {
        v1::BillRunFailure::Unspecified => None,
        v1::BillRunFailure::Lines => Some(RunFailure::Lines),
        v1::BillRunFailure::Document => Some(RunFailure::Document),
        v1::BillRunFailure::Columns => Some(RunFailure::Columns),
        v1::BillRunFailure::Encoding => Some(RunFailure::Encoding),
        v1::BillRunFailure::Empty => Some(RunFailure::Empty),
        v1::BillRunFailure::TooLarge => Some(RunFailure::TooLarge),
    }
}
