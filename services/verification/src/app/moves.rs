//! What an edge of a case writes: the row, its decision, its history, its event, and when to look at it next.

use clock::Clock;
use due::Next;
use ids::{CaseId, DecisionId, Subject};
use pg::Tx;

use super::CASE_DUE;
use crate::domain::{Case, CaseEvent, Decision, Moved};
use crate::{Error, db, events};

/// Writes an edge of a case, whose row is locked. `by` is who has it done, where anybody has.
pub(super) async fn write(
    tx: &mut Tx,
    clock: &Clock,
    before: &Case,
    moved: Moved,
    by: Option<&Subject>,
) -> Result<Case, Error> {
    let Moved { case, event, decided } = moved;
    if case == *before && event.is_none() {
        return Ok(case);
    }
    db::cases::update(tx, &case).await?;
    let decision = decided.map(|decided| Decision {
        id: DecisionId::mint(clock),
        number: decided.number,
        verdict: decided.verdict,
        reasons: decided.reasons,
        by: decided.by,
        agreed_by: decided.agreed_by,
        at: clock.now(),
    });
    if let Some(decision) = &decision {
        db::decisions::insert(tx, &case.tenant, case.id, decision).await?;
    }
    if let Some(event) = event {
        events::append_case(tx, clock, &case, event, decision.as_ref(), by).await?;
        tracing::info!(case.id = %case.id, case.status = case.status.name(), event = event.name(), "case moved on");
    }
    match case.due_at.filter(|_| !case.escalated) {
        Some(at) if before.due_at != case.due_at => due::schedule(tx, CASE_DUE, case.id.into(), at).await?,
        Some(_) => {}
        None => due::cancel(tx, CASE_DUE, case.id.into()).await?,
    }
    failpoint::pass("case::written");
    Ok(case)
}

/// Looks at a case whose time in its status is over.
pub async fn case_due(tx: &mut Tx, clock: &Clock, id: CaseId) -> Result<Next, Error> {
    let (tenant, now) = (tx.tenant().clone(), clock.now());
    let Some(case) = db::cases::lock(tx, &tenant, None, id).await? else { return Ok(Next::Done) };
    let moved = case.clone().due(now);
    if moved.event == Some(CaseEvent::ReviewEscalated) {
        tracing::warn!(case.id = %id, "a review is overdue");
    }
    // The row that runs is settled by what is returned: it may be neither scheduled nor cancelled here.
    let Moved { case, event, .. } = moved;
    let Some(event) = event else {
        return Ok(case.due_at.filter(|at| now < *at).map_or(Next::Done, Next::At));
    };
    db::cases::update(tx, &case).await?;
    events::append_case(tx, clock, &case, event, None, None).await?;
    Ok(Next::Done)
}
