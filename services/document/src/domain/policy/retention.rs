//! How long documents are kept, and why.

use std::collections::BTreeMap;

use policy::{Policy, Violation};
use serde::{Deserialize, Serialize};

use super::{ClassName, Period};

/// The kind `retention`: classes that purposes name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionPolicy {
    /// The classes by name, 1 to 64.
    pub classes: BTreeMap<ClassName, RetentionClass>,
}

/// How documents of a class are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionClass {
    /// For how long after the verdict.
    pub keep_for: Period,
    /// By what law or contract, 1 to 200 characters.
    pub legal_basis: String,
    /// Who could delete the object before.
    pub lock_mode: LockMode,
    /// Whether the release of a legal hold needs a second person.
    pub second_person: bool,
}

/// What keeps an object in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockMode {
    /// This service's rules alone.
    None,
    /// The store, for everybody but the role that may bypass it, which erasure uses.
    Governance,
    /// The store, for everybody and to the end: not even erasure deletes it before.
    Compliance,
}

const MAX_CLASSES: usize = 64;
const MAX_LEGAL_BASIS: usize = 200;

impl RetentionPolicy {
    /// The class of that name.
    #[must_use]
    pub fn class(&self, name: &ClassName) -> Option<&RetentionClass> {
        self.classes.get(name)
    }
}

impl Policy for RetentionPolicy {
    const KIND: &'static str = "retention";

    fn builtin() -> Self {
        use LockMode::{Compliance, Governance, None};
        let class = |name: &str, years, legal_basis: &str, lock_mode, second_person| {
            let keep_for = Period::years(years);
            let class =
                RetentionClass { keep_for, legal_basis: legal_basis.to_owned(), lock_mode, second_person };
            (ClassName(name.to_owned()), class)
        };
        let classes = [
            class("accounting", 10, "Statutory duty to keep accounts", Governance, true),
            class("casework", 2, "GDPR article 6 (1) (e), records of the case", Governance, false),
            class("identification", 5, "Directive (EU) 2015/849, article 40", Governance, true),
            class("recording", 1, "GDPR article 6 (1) (e), records of hearings", Governance, true),
            class("statutory", 10, "Statutory duty to keep records", Compliance, true),
            class("transient", 0, "GDPR article 6 (1) (a), until withdrawn", None, false),
        ];
        Self { classes: classes.into() }
    }

    fn check(&self) -> Vec<Violation> {
        let mut violations = Vec::new();
        if !(1..=MAX_CLASSES).contains(&self.classes.len()) {
            violations.push(Violation::at(&["classes"], format!("must be 1 to {MAX_CLASSES}")));
        }
        for (name, class) in &self.classes {
            let mut broken = |field, rule: String| {
                violations.push(Violation::at(&["classes", name.as_str(), field], rule));
            };
            if !(1..=MAX_LEGAL_BASIS).contains(&class.legal_basis.trim().chars().count()) {
                broken("legal_basis", format!("must be 1 to {MAX_LEGAL_BASIS} characters"));
            }
            if class.lock_mode != LockMode::None && class.keep_for.is_zero() {
                broken("keep_for", "must be a day or more where objects are locked".to_owned());
            }
        }
        violations
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_in_breaks_no_rule() {
        assert_eq!(RetentionPolicy::builtin().check(), []);
    }

    #[test]
    fn each_rule_names_its_place() {
        let mut policy = RetentionPolicy::builtin();
        let class = policy.classes.get_mut("casework").unwrap();
        class.legal_basis = " ".into();
        class.keep_for = Period::days(0);
        let told: Vec<_> = policy.check().into_iter().map(|violation| violation.pointer).collect();
        assert_eq!(told, ["/classes/casework/legal_basis", "/classes/casework/keep_for"]);
        policy.classes.clear();
        assert_eq!(policy.check()[0].pointer, "/classes");
    }
}
