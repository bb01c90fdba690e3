//! Handing in a case, and handing in again what was asked for.

use std::collections::BTreeSet;

use auth::Caller;
use clock::Clock;
use idempotency::{KEEP, Key, Outcome};
use ids::{CaseId, CheckId, DocumentId, Tenant};
use pg::Tx;
use prost::Message as _;
use proto::Operation;
use proto::verification::v1;
use time::OffsetDateTime;

use super::CHECK_STEP;
use crate::db::cases::APPLICANT;
use crate::domain::applicant::{Applicant, Given};
use crate::domain::{
    Broken, Case, CaseDocument, CaseEvent, Check, Country, DocumentKind, PurposeRules, VerificationPolicy,
    check_documents,
};
use crate::grpc::cases::{document_kind, shown};
use crate::{Error, State, db, events};

type Asked = Vec<(DocumentId, DocumentKind, Option<Country>)>;

/// Hands in a case: it is held to the policy that is in force, its documents have to be the caller's and ready, and its checks begin after
/// the commit.
pub async fn submit_case(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::SubmitCaseRequest,
) -> Result<Outcome<v1::Case>, Error> {
    let now = state.clock.now();
    let versioned = current_policy(state, &caller.tenant).await?;
    let (version, policy) = (versioned.version, versioned.policy);
    let rules = policy.purpose(&request.purpose).ok_or_else(|| {
        Error::Case(vec![Broken::new("purpose", format!("must be one of: {}", policy.names()))])
    })?;
    let asked = check(request, rules, now)?;
    let documents = ready(state, caller, asked).await?;
    let said = request.applicant.clone().unwrap_or_default().encode_to_vec();
    // May ask the key-management service, hence not inside of the transaction.
    let subject = caller.subject.clone();
    let keys = state.envelope.keys_to_seal(&state.db, &caller.tenant, std::slice::from_ref(&subject)).await?;

    let (tenant, clock, rules) = (caller.tenant.clone(), state.clock.clone(), rules.clone());
    let purpose = request.purpose.clone();
    let scope = super::scope(caller, Operation::VerificationSubmitCase, key);
    let outcome = idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx| {
        Box::pin(async move {
            let applicant = keys.lock(tx).await?.seal(&subject, APPLICANT, &said)?;
            let id = CaseId::mint(&clock);
            let case = Case::submit(id, (tenant, subject), (purpose, version), clock.now());
            if !db::cases::insert(tx, &case, &applicant).await? {
                return Err(Error::CaseExists);
            }
            begin_round(tx, &clock, &case, &documents, &rules).await?;
            let by = case.subject.clone();
            events::append_case(tx, &clock, &case, CaseEvent::Submitted, None, Some(&by)).await?;
            failpoint::pass("submit::written");
            Ok::<_, Error>(shown(&case, &documents, &[], None))
        })
    })
    .await;
    failpoint::pass("submit::committed");
    outcome
}

/// Hands in again what was asked for: all of the documents as they are to be looked at now.
pub async fn resubmit_case(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::ResubmitCaseRequest,
) -> Result<Outcome<v1::Case>, Error> {
    let id = super::case_id(&request.case_id)?;
    let (tenant, subjects) = (caller.tenant.clone(), super::subjects(caller));
    let rules = state.db.tenant(&caller.tenant, move |tx| {
        Box::pin(async move {
            let case = db::cases::find(tx, &tenant, subjects.as_deref(), id).await?;
            let case = case.ok_or(Error::CaseNotFound)?;
            super::rules_of(tx, case.policy_version, &case.purpose).await
        })
    });
    let rules = rules.await?;
    let asked = read(&request.documents).and_then(|asked| {
        check_documents(&asked, &rules)?;
        Ok(asked)
    });
    let documents = ready(state, caller, asked.map_err(Error::Case)?).await?;

    let (tenant, clock, subjects) = (caller.tenant.clone(), state.clock.clone(), super::subjects(caller));
    let by = caller.subject.clone();
    let scope = super::scope(caller, Operation::VerificationResubmitCase, key);
    let outcome = idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx| {
        Box::pin(async move {
            let before = db::cases::lock(tx, &tenant, subjects.as_deref(), id).await?;
            let before = before.ok_or(Error::CaseNotFound)?;
            let moved = before.clone().resubmit(clock.now())?;
            begin_round(tx, &clock, &moved.case, &documents, &rules).await?;
            let case = super::moves::write(tx, &clock, &before, moved, Some(&by)).await?;
            Ok::<_, Error>(shown(&case, &documents, &[], None))
        })
    })
    .await;
    failpoint::pass("submit::committed");
    outcome
}

async fn current_policy(
    state: &State,
    tenant: &Tenant,
) -> Result<policy::Versioned<VerificationPolicy>, Error> {
    let current = state.db.tenant(tenant, |tx| {
        Box::pin(async move { Ok::<_, Error>(policy::current::<VerificationPolicy>(tx).await?) })
    });
    current.await
}

/// Writes what was handed in for the round, and its checks, which begin after the commit.
async fn begin_round(
    tx: &mut Tx,
    clock: &Clock,
    case: &Case,
    documents: &[CaseDocument],
    rules: &PurposeRules,
) -> Result<(), Error> {
    let now = clock.now();
    db::cases::insert_documents(tx, case, documents).await?;
    let checks: Vec<_> = rules
        .checks
        .iter()
        .map(|kind| Check::new(CheckId::mint(clock), case.id, case.round, *kind, now, rules.check_budget()))
        .collect();
    db::checks::insert(tx, &case.tenant, &checks).await?;
    for check in &checks {
        due::schedule(tx, CHECK_STEP, check.id.into(), now).await?;
    }
    Ok(())
}

/// Every broken rule of what is handed in, at once.
fn check(request: &v1::SubmitCaseRequest, rules: &PurposeRules, now: OffsetDateTime) -> Result<Asked, Error> {
    let mut broken = Vec::new();
    let said = request.applicant.as_ref();
    let given = said.map(given).unwrap_or_default();
    let checks: Vec<_> = rules.checks.iter().copied().collect();
    if let Err(rules) = Applicant::read(given, &checks, now.date()) {
        broken.extend(rules);
    }
    let asked = read(&request.documents);
    match &asked {
        Ok(asked) => broken.extend(check_documents(asked, rules).err().unwrap_or_default()),
        Err(rules) => broken.extend(rules.iter().cloned()),
    }
    asked.ok().filter(|_| broken.is_empty()).ok_or(Error::Case(broken))
}

/// What somebody says of themselves, for the domain to read.
pub(super) fn given(said: &v1::Applicant) -> Given<'_> {
    Given {
        given_names: &said.given_names,
        family_name: &said.family_name,
        birth_date: &said.birth_date,
        address: said.address.as_ref().map(|address| {
            let v1::Address { line1, line2, city, postal_code, country } = address;
            [line1, line2, city, postal_code, country].map(String::as_str)
        }),
    }
}

fn read(documents: &[v1::CaseDocument]) -> Result<Asked, Vec<Broken>> {
    let mut broken = Vec::new();
    let mut asked = Vec::new();
    for (index, document) in documents.iter().enumerate() {
        let field = |name: &str| format!("documents[{index}].{name}");
        let id = document.document_id.parse::<DocumentId>();
        if let Err(rule) = &id {
            broken.push(Broken::new(field("document_id"), rule.to_string()));
        }
        let kind = document_kind(document.kind());
        if kind.is_none() {
            broken.push(Broken::new(field("kind"), "must be one of the kinds"));
        }
        let country = match document.country.as_str() {
            "" => Ok(None),
            code => code.parse::<Country>().map(Some),
        };
        if let Err(rule) = &country {
            broken.push(Broken::new(field("country"), rule.to_string()));
        }
        if let (Ok(id), Some(kind), Ok(country)) = (id, kind, country) {
            asked.push((id, kind, country));
        }
    }
    if broken.is_empty() { Ok(asked) } else { Err(broken) }
}

/// Asks about each document: it has to be the caller's, and ready.
async fn ready(state: &State, caller: &Caller, asked: Asked) -> Result<Vec<CaseDocument>, Error> {
    let mut documents = Vec::new();
    let mut seen = BTreeSet::new();
    for (id, kind, country) in asked {
        if !seen.insert(id) {
            continue;
        }
        let sha256 = state.documents.ready(caller, id).await?;
        documents.push(CaseDocument { id, kind, country, sha256 });
    }
    Ok(documents)
}
