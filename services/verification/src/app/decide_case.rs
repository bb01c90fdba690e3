//! Decisions: by whoever has the case, by two persons where the policy wants that, and anew.

use auth::Caller;
use idempotency::{KEEP, Key, Outcome};
use proto::Operation;
use proto::verification::v1;

use crate::domain::{Decision, check_judgement};
use crate::grpc::cases::shown;
use crate::grpc::reviews::{asked, decision_reason, verdict};
use crate::{Error, State, db};

/// Decides a case, or what a first person thinks of it.
pub async fn decide_case(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::DecideCaseRequest,
) -> Result<Outcome<v1::Case>, Error> {
    let id = super::case_id(&request.case_id)?;
    let verdict = verdict(request.verdict());
    let reasons: Vec<_> = request.reasons().map(decision_reason).collect();
    let again: Vec<_> = request.asked.iter().map(asked).collect();
    let (tenant, clock, by) = (caller.tenant.clone(), state.clock.clone(), caller.subject.clone());
    let scope = super::scope(caller, Operation::ReviewDecideCase, key);
    let outcome = idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx| {
        Box::pin(async move {
            let before = db::cases::lock(tx, &tenant, None, id).await?.ok_or(Error::CaseNotFound)?;
            let documents = db::cases::documents(tx, &tenant, id, before.round).await?;
            let known = documents.iter().map(|document| document.id).collect();
            let judgement = check_judgement(verdict, &reasons, &again, &known).map_err(Error::Decision)?;
            let rules = super::rules_of(tx, before.policy_version, &before.purpose).await?;
            let moved = before.clone().decide(&by, judgement, &rules, clock.now())?;
            let case = super::moves::write(tx, &clock, &before, moved, Some(&by)).await?;
            let decision = db::decisions::newest(tx, &tenant, id).await?;
            failpoint::pass("decide::written");
            Ok::<_, Error>(shown(&case, &[], &[], decision.as_ref()))
        })
    })
    .await;
    failpoint::pass("decide::committed");
    outcome
}

/// Lists the decisions of a case, oldest first.
pub async fn list_decisions(state: &State, caller: &Caller, id: &str) -> Result<Vec<Decision>, Error> {
    let id = super::case_id(id)?;
    let tenant = caller.tenant.clone();
    let decisions = state.db.tenant(&caller.tenant, move |tx| {
        Box::pin(async move {
            super::is_there(tx, &tenant, id).await?;
            Ok::<_, Error>(db::decisions::of_case(tx, &tenant, id).await?)
        })
    });
    decisions.await
}
