//! Checks on their way: which provider is asked, what it says, and who is asked instead.
//!
//! A provider is not asked inside of the runner's transaction: there the check is only handed to a task, and its row moved on to when it
//! would be looked at again. The task notes what it begins, asks outside of any transaction, and applies what was said under the lock of the
//! case. Whatever fails or dies in between leaves the row; asking again makes nothing new, since what is made there has a key of ours.

mod ask;

use due::Next;
use envelope::Wrapped;
use futures::StreamExt as _;
use ids::{AnswerId, CallbackId, CheckId, CircuitId, Tenant};
use pg::Tx;
use time::{Duration, OffsetDateTime};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::CHECK_STEP;
use crate::db::answers::{Answer, BODY};
use crate::db::entries::What;
use crate::domain::{
    AccountName, Attempt, Begun, Candidate, Case, CaseDocument, Check, Circuit, Outcome, Seen, Status, Step,
};
use crate::provider::{Account, Said};
use crate::{Error, State, db, events};

/// How long after it was handed over a check is looked at again, unless it went on by then: longer than everything that is asked takes.
const LEASE: Duration = Duration::seconds(45);
/// How long until a check is looked at again whose documents could not be handed out.
const AWAY: Duration = Duration::seconds(5);
/// Checks waiting for the task.
const WAITING: usize = 1_000;
/// Checks that are asked about at once.
const AT_ONCE: usize = 32;

/// Hands checks to the task that asks about them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Checker(mpsc::Sender<(Tenant, CheckId)>);

/// The task behind a [`Checker`].
#[derive(Debug)]
pub struct Checking(mpsc::Receiver<(Tenant, CheckId)>);

impl Checker {
    /// A handle and its task, which is to be run.
    #[must_use]
    pub fn new() -> (Self, Checking) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), Checking(receiver))
    }

    /// Hands over a check. Says when to hand it over again, unless its row is settled by then.
    #[must_use]
    pub fn hand_over(&self, tenant: &Tenant, id: CheckId, now: OffsetDateTime) -> Next {
        match self.0.try_send((tenant.clone(), id)) {
            Ok(()) => Next::At(now + LEASE),
            // Too many wait.
            Err(_) => Next::At(now + Duration::seconds(1)),
        }
    }
}

impl Checking {
    /// Asks about what is handed over, some at once, until `shutdown`.
    pub async fn run(self, state: State, shutdown: CancellationToken) {
        let handed_over = ReceiverStream::new(self.0).take_until(shutdown.cancelled());
        let each = |(tenant, id)| {
            let state = &state;
            async move {
                if let Err(error) = Box::pin(advance(state, &tenant, id)).await {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(%tenant, check.id = %id, error, "check did not go on, will retry");
                }
            }
        };
        handed_over.for_each_concurrent(AT_ONCE, each).await;
    }
}

/// What is to be asked.
struct Work {
    case: Case,
    check: Check,
    attempt: Attempt,
    account: Account,
    documents: Vec<CaseDocument>,
    sealed: Vec<u8>,
    keys: Wrapped,
    callbacks: Vec<CallbackId>,
    /// The documents are to be attached to the case.
    attach: bool,
}

/// Takes a check on by one step.
///
/// # Errors
/// The database's, and the envelope's. What a provider does is none.
pub async fn advance(state: &State, tenant: &Tenant, id: CheckId) -> Result<(), Error> {
    let (of, begun_by) = (tenant.clone(), state.clone());
    let work =
        state.db.tenant(tenant, move |tx| Box::pin(async move { begin(tx, &begun_by, &of, id).await }));
    let Some(work) = work.await? else { return Ok(()) };
    failpoint::pass("check::begun");
    let said = ask::ask(state, tenant, &work).await?;
    failpoint::pass("check::asked");
    let (of, by) = (tenant.clone(), state.clone());
    // May ask the key-management service, hence not inside the transaction.
    let subject = work.case.subject.clone();
    let keys = state.envelope.keys_to_seal(&state.db, tenant, std::slice::from_ref(&subject)).await;
    let keys = match keys {
        Ok(keys) => Some(keys),
        // Of somebody who is erased nothing is kept.
        Err(envelope::Error::Erased) => None,
        Err(error) => return Err(error.into()),
    };
    let finished = state.db.tenant(tenant, move |tx| {
        Box::pin(async move { finish(tx, &by, &of, &work, said, keys.as_ref()).await })
    });
    finished.await?;
    failpoint::pass("check::applied");
    Ok(())
}

/// Decides what is asked, and notes what that begins.
async fn begin(tx: &mut Tx, state: &State, tenant: &Tenant, id: CheckId) -> Result<Option<Work>, Error> {
    let now = state.clock.now();
    let Some((case_id, round)) = db::checks::case_of(tx, tenant, id).await? else {
        return done(tx, id).await;
    };
    let case = db::cases::lock(tx, tenant, None, case_id).await?.ok_or(Error::CaseNotFound)?;
    let checks = db::checks::of_round(tx, tenant, case_id, round).await?;
    let heard = db::callbacks::unhandled(tx, tenant, id).await?;
    let waits = waits(&case, round);
    let current = checks.iter().find(|check| check.id == id).filter(|_| waits);
    let Some(check) = current.filter(|check| check.over.is_none()) else {
        return late(tx, state, tenant, case, id, &checks, heard).await;
    };
    let documents = db::cases::documents(tx, tenant, case_id, case.round).await?;
    let policy = super::policy_of(tx, case.policy_version).await?;
    let rules = policy.purpose(&case.purpose).ok_or(Error::PolicyGone)?;
    let accounts = state.accounts.for_check(tenant, &policy, check.kind, &documents);
    let names: Vec<AccountName> = accounts.iter().map(|account| account.name.clone()).collect();
    let mut circuits = db::circuits::of(tx, tenant, &names).await?;
    loop {
        let candidates: Vec<_> = circuits
            .iter()
            .map(|(account, circuit)| Candidate {
                account: account.clone(),
                permitted: circuit.permits(now),
                patience: rules.provider_patience(),
            })
            .collect();
        let before = check.under_way().cloned();
        match check.clone().step(&candidates, now) {
            Step::Nothing => return done(tx, id).await,
            Step::Over(over) => {
                failed_silently(tx, state, tenant, before.as_ref(), now).await?;
                end(tx, state, &case, &checks, over).await?;
                return done(tx, id).await;
            }
            Step::Ask(asking, begun) => {
                let Some(attempt) = asking.under_way().cloned() else { return done(tx, id).await };
                if begun != Begun::Nothing
                    && !probes(tx, state, tenant, &attempt.account, &mut circuits, now).await?
                {
                    continue;
                }
                let first = checks.first().is_some_and(|first| first.id == id);
                if begun != Begun::Nothing {
                    failed_silently(tx, state, tenant, before.as_ref(), now).await?;
                    began(tx, state, &case, &asking, &attempt, &begun).await?;
                }
                let account = accounts.iter().find(|account| account.name == attempt.account);
                let Some(account) = account else {
                    // Nobody asks there any more.
                    let (asking, _) = asking.apply(attempt.number, &Seen::Refused, now);
                    db::checks::save(tx, tenant, &asking).await?;
                    due::schedule(tx, CHECK_STEP, id.into(), now).await?;
                    return Ok(None);
                };
                let Some(sealed) = db::cases::applicant(tx, tenant, case_id).await? else {
                    return done(tx, id).await;
                };
                let keys = Wrapped::find(tx, vec![case.subject.clone()]).await?;
                let callbacks = heard.iter().map(|(callback, _)| *callback).collect();
                let attach = first && begun == Begun::First;
                let account = (*account).clone();
                return Ok(Some(Work {
                    case,
                    check: asking,
                    attempt,
                    account,
                    documents,
                    sealed,
                    keys,
                    callbacks,
                    attach,
                }));
            }
        }
    }
}

/// Whether the case waits for the checks of this round.
fn waits(case: &Case, round: i32) -> bool {
    case.round == round && matches!(case.status, Status::Submitted | Status::Checking)
}

/// Whether an attempt may begin there. One that is let through an open circuit is noted, under its lock: of two replicas one is.
async fn probes(
    tx: &mut Tx,
    state: &State,
    tenant: &Tenant,
    account: &AccountName,
    circuits: &mut [(AccountName, Circuit)],
    now: OffsetDateTime,
) -> Result<bool, Error> {
    let Some((_, circuit)) = circuits.iter_mut().find(|(name, _)| name == account) else { return Ok(true) };
    if circuit.open.is_none() {
        return Ok(true);
    }
    let (id, locked) = db::circuits::lock(tx, tenant, account, CircuitId::mint(&state.clock)).await?;
    *circuit = locked;
    if !locked.permits(now) {
        return Ok(false);
    }
    db::circuits::update(tx, tenant, id, &locked.probe(now)).await?;
    Ok(true)
}

/// A provider that had taken a check and has said nothing more in its time has failed, too.
async fn failed_silently(
    tx: &mut Tx,
    state: &State,
    tenant: &Tenant,
    before: Option<&Attempt>,
    now: OffsetDateTime,
) -> Result<(), Error> {
    match before {
        Some(attempt) if now >= attempt.expires_at => {
            answered(tx, state, tenant, &attempt.account, &Seen::NoAnswer, now).await
        }
        _ => Ok(()),
    }
}

/// Notes in its circuit whether a provider has answered.
async fn answered(
    tx: &mut Tx,
    state: &State,
    tenant: &Tenant,
    account: &AccountName,
    seen: &Seen,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let failed = *seen == Seen::NoAnswer;
    let known = db::circuits::of(tx, tenant, std::slice::from_ref(account)).await?;
    let quiet = known.iter().all(|(_, circuit)| circuit.failures == 0 && circuit.open.is_none());
    // A provider that is well is no row that every check waits for.
    if !failed && quiet {
        return Ok(());
    }
    let (id, circuit) = db::circuits::lock(tx, tenant, account, CircuitId::mint(&state.clock)).await?;
    let after = if failed { circuit.failed(now) } else { circuit.succeeded() };
    db::circuits::update(tx, tenant, id, &after).await?;
    if after.open.is_some() != circuit.open.is_some() {
        let opened = after.open.is_some();
        state.metrics.circuit(account, opened);
        tracing::warn!(provider = %account, opened, failures = after.failures, "the circuit of a provider has changed");
    }
    Ok(())
}

/// Writes that an attempt has begun, and tells.
async fn began(
    tx: &mut Tx,
    state: &State,
    case: &Case,
    check: &Check,
    attempt: &Attempt,
    begun: &Begun,
) -> Result<(), Error> {
    let (clock, now) = (&state.clock, state.clock.now());
    db::checks::save(tx, &case.tenant, check).await?;
    let moved = case.clone().check_began(now);
    if moved != *case {
        db::cases::update(tx, &moved).await?;
    }
    match begun {
        Begun::Instead(from) => {
            state.metrics.failed_over(check.kind, from);
            events::append_check(tx, clock, &moved, check, "failed_over", (&attempt.account, Some(from)))
                .await?;
        }
        Begun::First | Begun::Nothing => {
            events::append_check(tx, clock, &moved, check, "check_started", (&attempt.account, None)).await?;
        }
    }
    Ok(())
}

/// Writes what came of a check, tells, and has the case decided once all are over.
async fn end(tx: &mut Tx, state: &State, case: &Case, checks: &[Check], over: Check) -> Result<(), Error> {
    let clock = &state.clock;
    db::checks::save(tx, &case.tenant, &over).await?;
    let Some(outcome) = over.outcome() else { return Ok(()) };
    state.metrics.check(over.kind, outcome);
    let name = if outcome == Outcome::Passed { "check_passed" } else { "check_failed" };
    let account = over.attempts.last().map(|attempt| attempt.account.clone());
    match &account {
        Some(account) => events::append_check(tx, clock, case, &over, name, (account, None)).await?,
        None => events::append_check_unasked(tx, clock, case, &over, name).await?,
    }
    let all: Vec<_> =
        checks.iter().map(|check| if check.id == over.id { over.clone() } else { check.clone() }).collect();
    let rules = super::rules_of(tx, case.policy_version, &case.purpose).await?;
    let moved = case.clone().check_ended(&all, &rules, clock.now());
    super::moves::write(tx, clock, case, moved, None).await?;
    Ok(())
}

/// The check is over, or its case is, and a provider has called about it: it is asked once more, so that what it says now is kept.
async fn late(
    tx: &mut Tx,
    state: &State,
    tenant: &Tenant,
    case: Case,
    id: CheckId,
    checks: &[Check],
    heard: Vec<(CallbackId, i32)>,
) -> Result<Option<Work>, Error> {
    let check = checks.iter().find(|check| check.id == id);
    let about = check.and_then(|check| {
        let (_, number) = heard.last()?;
        let attempt = check.attempts.iter().find(|attempt| attempt.number == *number)?;
        let account = state.accounts.find_of(tenant, &attempt.account)?;
        Some((check.clone(), attempt.clone(), account.clone()))
    });
    let sealed = db::cases::applicant(tx, tenant, case.id).await?;
    let callbacks: Vec<_> = heard.iter().map(|(callback, _)| *callback).collect();
    let (Some((check, attempt, account)), Some(sealed)) = (about, sealed) else {
        db::callbacks::handled(tx, tenant, &callbacks).await?;
        return done(tx, id).await;
    };
    let keys = Wrapped::find(tx, vec![case.subject.clone()]).await?;
    Ok(Some(Work {
        case,
        check,
        attempt,
        account,
        documents: Vec::new(),
        sealed,
        keys,
        callbacks,
        attach: false,
    }))
}

async fn done<T>(tx: &mut Tx, id: CheckId) -> Result<Option<T>, Error> {
    due::cancel(tx, CHECK_STEP, id.into()).await?;
    Ok(None)
}

/// Applies what was said, under the lock of the case, to the check as it stands by then.
async fn finish(
    tx: &mut Tx,
    state: &State,
    tenant: &Tenant,
    work: &Work,
    said: Option<Said>,
    keys: Option<&envelope::Keys>,
) -> Result<(), Error> {
    let (now, id) = (state.clock.now(), work.check.id);
    let case = db::cases::lock(tx, tenant, None, work.case.id).await?.ok_or(Error::CaseNotFound)?;
    let checks = db::checks::of_round(tx, tenant, case.id, work.check.round).await?;
    let Some(check) = checks.iter().find(|check| check.id == id).cloned() else {
        return done::<()>(tx, id).await.map(drop);
    };
    let Some(said) = said else {
        let at = (now + AWAY).min(check.expires_at);
        return Ok(due::schedule(tx, CHECK_STEP, id.into(), at.max(now + Duration::seconds(1))).await?);
    };
    answered(tx, state, tenant, &work.attempt.account, &said.seen, now).await?;
    db::callbacks::handled(tx, tenant, &work.callbacks).await?;
    let waits = waits(&case, check.round);
    let was_over = check.over.is_some() || !waits;
    let late_before = check.attempts.iter().any(|attempt| attempt.late_answer);
    let (mut after, _) = check.clone().apply(work.attempt.number, &said.seen, now);
    if !waits {
        // The case is over: whatever is said of it now has come too late.
        after.over = check.over;
    }
    if let (Some(raw), Some(keys)) = (&said.raw, keys) {
        keep(tx, state, work, raw, was_over, keys).await?;
    }
    if !late_before && after.attempts.iter().any(|attempt| attempt.late_answer) {
        let account = Some(work.attempt.account.as_str());
        let reason = match said.seen {
            Seen::Answer { outcome, .. } => outcome.reason(),
            _ => None,
        };
        let what = What { check: Some(after.kind), reason, account, by: None };
        db::entries::append(tx, tenant, case.id, "late_answer", now, what).await?;
        tracing::warn!(check.id = %id, provider = %work.attempt.account, "a provider answers late, or otherwise than before");
    }
    if !was_over && after.over.is_some() {
        end(tx, state, &case, &checks, after).await?;
        return done::<()>(tx, id).await.map(drop);
    }
    db::checks::save(tx, tenant, &after).await?;
    match after.look_at(now).filter(|_| waits) {
        Some(at) => Ok(due::schedule(tx, CHECK_STEP, id.into(), at).await?),
        None => done::<()>(tx, id).await.map(drop),
    }
}

/// Keeps an answer as it came, sealed, unless the person was erased meanwhile.
async fn keep(
    tx: &mut Tx,
    state: &State,
    work: &Work,
    raw: &[u8],
    late: bool,
    keys: &envelope::Keys,
) -> Result<(), Error> {
    let living = match keys.lock(tx).await {
        Ok(living) => living,
        Err(envelope::Error::Erased) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let answer = Answer {
        id: AnswerId::mint(&state.clock),
        check_id: work.check.id,
        attempt: work.attempt.number,
        digest: digest(work, raw),
        received_at: state.clock.now(),
        late,
        body: living.seal(&work.case.subject, BODY, raw)?,
    };
    Ok(db::answers::insert(tx, &work.case.tenant, &answer).await?)
}

/// Tells the same answer to one attempt from another. It is keyed by what only this row has, so that nobody learns from it who else was
/// answered the same.
fn digest(work: &Work, raw: &[u8]) -> Vec<u8> {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, work.check.id.as_uuid().as_bytes());
    aws_lc_rs::hmac::sign(&key, raw).as_ref().to_vec()
}
