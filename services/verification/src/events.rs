//! What the world is told: topic `guildhall.verification.v1`, keyed by case, or by account. Everything is appended, and noted in the case's
//! own history, while the case's row is locked, so that a case's events are in order.

use clock::Clock;
use ids::{CircuitId, ErasureId, Subject};
use pg::Tx;
use proto::verification::v1;
use topology::topics;

use crate::db::entries::{self, What};
use crate::domain::{AccountName, Case, CaseEvent, Check, Decision, Force};
use crate::grpc::cases::{
    check_kind, check_outcome, check_reason, decision_reason, pending, status, verdict,
};
use crate::grpc::providers::told_force;

/// Appends the event of an edge of a case. `by` is who had it done.
pub async fn append_case(
    tx: &mut Tx,
    clock: &Clock,
    case: &Case,
    event: CaseEvent,
    decision: Option<&Decision>,
    by: Option<&Subject>,
) -> Result<(), pg::Error> {
    let message = v1::CaseEvent {
        case_id: case.id.to_string(),
        subject: case.subject.to_string(),
        purpose: case.purpose.clone(),
        status: status(case.status).into(),
        pending: case.pending.iter().map(|reason| pending(*reason).into()).collect(),
        round: case.round,
        decision_id: decision.map(|decision| decision.id.to_string()).unwrap_or_default(),
        verdict: decision.map_or(v1::Verdict::Unspecified, |decision| verdict(decision.verdict)).into(),
        reasons: decision
            .map(|decision| decision.reasons.iter().map(|reason| decision_reason(*reason).into()).collect())
            .unwrap_or_default(),
        decided_by: decision.and_then(|d| d.by.as_ref()).map(ToString::to_string).unwrap_or_default(),
        agreed_by: decision.and_then(|d| d.agreed_by.as_ref()).map(ToString::to_string).unwrap_or_default(),
    };
    let event_type = format!("guildhall.verification.{}.v1", event.name());
    let told = outbox::Event::new(topics::VERIFICATION, &event_type, case.id, case.id, &message);
    outbox::append(tx, clock, told).await?;
    let what = What { by, ..What::default() };
    entries::append(tx, &case.tenant, case.id, event.name(), clock.now(), what).await?;
    Ok(())
}

/// Appends what has become of a check: who is asked, and who was before.
pub async fn append_check(
    tx: &mut Tx,
    clock: &Clock,
    case: &Case,
    check: &Check,
    name: &str,
    (provider, from): (&AccountName, Option<&AccountName>),
) -> Result<(), pg::Error> {
    check_event(tx, clock, case, check, name, (Some(provider), from)).await
}

/// The same of a check that nobody was asked about.
pub async fn append_check_unasked(
    tx: &mut Tx,
    clock: &Clock,
    case: &Case,
    check: &Check,
    name: &str,
) -> Result<(), pg::Error> {
    check_event(tx, clock, case, check, name, (None, None)).await
}

async fn check_event(
    tx: &mut Tx,
    clock: &Clock,
    case: &Case,
    check: &Check,
    name: &str,
    (provider, from): (Option<&AccountName>, Option<&AccountName>),
) -> Result<(), pg::Error> {
    let outcome = check.outcome();
    let message = v1::CheckEvent {
        check_id: check.id.to_string(),
        case_id: case.id.to_string(),
        subject: case.subject.to_string(),
        kind: check_kind(check.kind).into(),
        outcome: outcome.map_or(v1::CheckOutcome::Unspecified, check_outcome).into(),
        reason: check_reason(outcome).into(),
        provider: provider.map(ToString::to_string).unwrap_or_default(),
        from_provider: from.map(ToString::to_string).unwrap_or_default(),
    };
    let event_type = format!("guildhall.verification.{name}.v1");
    let told = outbox::Event::new(topics::VERIFICATION, &event_type, case.id, check.id, &message);
    outbox::append(tx, clock, told).await?;
    let what = What {
        check: Some(check.kind),
        reason: outcome.and_then(crate::domain::Outcome::reason),
        account: provider.map(AccountName::as_str),
        by: None,
    };
    entries::append(tx, &case.tenant, case.id, name, clock.now(), what).await?;
    Ok(())
}

/// Appends what somebody has decided about a provider, whose row is locked.
pub async fn append_forced(
    tx: &mut Tx,
    clock: &Clock,
    (id, name): (CircuitId, &AccountName),
    force: Option<Force>,
    by: &Subject,
) -> Result<(), pg::Error> {
    let message = v1::ProviderEvent {
        provider_id: id.to_string(),
        name: name.to_string(),
        force: told_force(force).into(),
        by: by.to_string(),
    };
    let event_type = "guildhall.verification.provider_forced.v1";
    let told = outbox::Event::new(topics::VERIFICATION, event_type, id, id, &message);
    outbox::append(tx, clock, told).await?;
    Ok(())
}

/// Appends that a person was erased.
pub async fn append_subject_erased(
    tx: &mut Tx,
    clock: &Clock,
    (id, subject): (ErasureId, &Subject),
    erased: i64,
) -> Result<(), pg::Error> {
    let message = v1::VerificationSubjectErased {
        erasure_id: id.to_string(),
        subject: subject.to_string(),
        erased,
        kept: 0,
        kept_reasons: Vec::new(),
    };
    let event_type = "guildhall.verification.subject_erased.v1";
    let told = outbox::Event::new(topics::VERIFICATION, event_type, id, id, &message);
    outbox::append(tx, clock, told).await?;
    Ok(())
}
