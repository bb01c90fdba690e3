//! How long a document is kept, and how: the tenant's policy in force.

use pg::Tx;

use crate::Error;
use crate::domain::policy::{LockMode, Period};
use crate::domain::{ClassName, RetentionClass, RetentionPolicy};

/// What a class asks for now. One that the policy does not have any longer keeps as strictly as any.
pub(super) async fn class(tx: &mut Tx, name: &ClassName) -> Result<RetentionClass, Error> {
    let policy = policy::current::<RetentionPolicy>(tx).await?.policy;
    Ok(policy.class(name).cloned().unwrap_or_else(|| RetentionClass {
        keep_for: Period::years(10),
        legal_basis: "a class that is not in force any longer".to_owned(),
        lock_mode: LockMode::Governance,
        second_person: true,
    }))
}
