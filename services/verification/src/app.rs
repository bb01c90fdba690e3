//! Use cases: one transaction each.

mod decide_case;
mod moves;
mod notes;
mod providers;
mod read_cases;
mod receive_callback;
mod review;
mod run_check;
mod subject_erasure;
mod submit_case;
mod withdraw_case;

pub use decide_case::{decide_case, list_decisions};
pub use moves::case_due;
pub use notes::{add_note, list_notes};
pub use providers::{force_provider, list_providers};
pub use read_cases::{get_case, list_cases, list_entries};
pub use receive_callback::receive_callback;
pub use review::{claim_review, list_reviews, reassign_review};
pub use run_check::{Checker, Checking, advance};
pub use subject_erasure::erase;
pub use submit_case::{resubmit_case, submit_case};
pub use withdraw_case::withdraw_case;

use auth::Caller;
use idempotency::{Key, Scope};
use ids::{CaseId, Subject, Tenant};
use pg::Tx;
use proto::Operation;

use crate::domain::{PurposeRules, VerificationPolicy};
use crate::{Error, db};

/// Due kind: a case is to have left its status. Subject: the case.
pub const CASE_DUE: &str = "case_due";
/// Due kind: a check is to go on. Subject: the check.
pub const CHECK_STEP: &str = "check_step";

/// Whose cases the caller sees: a person their own, others everybody's.
fn subjects(caller: &Caller) -> Option<Vec<Subject>> {
    caller.is_citizen().then(|| caller.subjects())
}

/// The case that a request names. What is no id names no case.
fn case_id(text: &str) -> Result<CaseId, Error> {
    text.parse().map_err(|_| Error::CaseNotFound)
}

fn scope(caller: &Caller, operation: Operation, key: Key) -> Scope {
    Scope { tenant: caller.tenant.clone(), principal: caller.subject.clone(), operation, key }
}

/// The policy under which a case was submitted.
async fn policy_of(tx: &mut Tx, version: i32) -> Result<VerificationPolicy, Error> {
    let versioned = policy::at::<VerificationPolicy>(tx, version).await?.ok_or(Error::PolicyGone)?;
    Ok(versioned.policy)
}

/// The rules of its purpose there.
async fn rules_of(tx: &mut Tx, version: i32, purpose: &str) -> Result<PurposeRules, Error> {
    policy_of(tx, version).await?.purpose(purpose).cloned().ok_or(Error::PolicyGone)
}

/// Whether a case is there for the caller.
async fn is_there(tx: &mut Tx, tenant: &Tenant, id: CaseId) -> Result<(), Error> {
    db::cases::find(tx, tenant, None, id).await?.map(drop).ok_or(Error::CaseNotFound)
}
