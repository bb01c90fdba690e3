//! What documents may be read for by others than their owner.

use std::collections::BTreeMap;

use policy::{Policy, Violation};
use serde::{Deserialize, Serialize};

use super::AccessPurpose;

/// The kind `access`: purposes that staff name when they read, and may grant to others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessPolicy {
    /// The purposes by name, 1 to 64; `own` and `unrecorded` are taken.
    pub purposes: BTreeMap<AccessPurpose, AccessRules>,
}

/// What holds where somebody reads for a purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessRules {
    /// Whether signed downloads live for a minute at most, whatever the document was handed in for.
    pub sensitive: bool,
    /// Days that a grant for it may last, up to 365; 0 where it cannot be granted.
    pub grant_days: u16,
}

const MAX_PURPOSES: usize = 64;
const MAX_GRANT_DAYS: u16 = 365;

impl AccessPurpose {
    /// Why owners read what is theirs.
    pub const OWN: &str = "own";
    /// What the log says of accesses before purposes were asked for.
    pub const UNRECORDED: &str = "unrecorded";

    /// Why owners read what is theirs.
    #[must_use]
    pub fn own() -> Self {
        Self(Self::OWN.to_owned())
    }

    /// Why staff look at what is in quarantine, whatever the policy says.
    #[must_use]
    pub fn review() -> Self {
        Self("review".to_owned())
    }

    /// Why a service reads what staff hand in: to work through it, as they have asked.
    #[must_use]
    pub fn work() -> Self {
        Self("work".to_owned())
    }

    /// Why staff get what is ready of a case as a copy, whatever the policy says: the export has its reason.
    #[must_use]
    pub fn export() -> Self {
        Self("export".to_owned())
    }
}

impl AccessPolicy {
    /// The purpose of that name, and its rules.
    #[must_use]
    pub fn purpose(&self, name: &str) -> Option<(&AccessPurpose, AccessRules)> {
        self.purposes.get_key_value(name).map(|(purpose, rules)| (purpose, *rules))
    }

    /// Whether reading for this purpose is sensitive; so is one that is not in the policy any longer. Owners' is not.
    #[must_use]
    pub fn is_sensitive(&self, purpose: &AccessPurpose) -> bool {
        let rules = self.purposes.get(purpose);
        purpose.as_str() != AccessPurpose::OWN && rules.is_none_or(|rules| rules.sensitive)
    }

    /// Names of the purposes, of those that can be granted where `granted`, for people.
    #[must_use]
    pub fn names(&self, granted: bool) -> String {
        let purposes = self.purposes.iter().filter(|(_, rules)| !granted || rules.grant_days > 0);
        purposes.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

impl Policy for AccessPolicy {
    const KIND: &'static str = "access";

    fn builtin() -> Self {
        let purpose = |name: &str, sensitive, grant_days| {
            (AccessPurpose(name.to_owned()), AccessRules { sensitive, grant_days })
        };
        let purposes = [
            // The case that the document is in is worked on.
            purpose("casework", false, 90),
            // A reviewer looks at it before deciding.
            purpose("review", true, 0),
            // A decision is contested.
            purpose("appeal", false, 180),
            // A court, a lawyer, an authority with a right to it.
            purpose("legal", true, 365),
            // The work of the office is audited.
            purpose("audit", true, 30),
            // Somebody asked for what is kept about them.
            purpose("subject_request", true, 30),
        ];
        Self { purposes: purposes.into() }
    }

    fn check(&self) -> Vec<Violation> {
        let mut violations = Vec::new();
        if !(1..=MAX_PURPOSES).contains(&self.purposes.len()) {
            violations.push(Violation::at(&["purposes"], format!("must be 1 to {MAX_PURPOSES}")));
        }
        for (name, rules) in &self.purposes {
            if [AccessPurpose::OWN, AccessPurpose::UNRECORDED].contains(&name.as_str()) {
                violations.push(Violation::at(&["purposes", name.as_str()], "must have another name"));
            }
            if rules.grant_days > MAX_GRANT_DAYS {
                let path = ["purposes", name.as_str(), "grant_days"];
                violations.push(Violation::at(&path, format!("must be 0 to {MAX_GRANT_DAYS}")));
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
        let access = AccessPolicy::builtin();
        assert_eq!(access.check(), []);
        assert_eq!(access.names(true), "appeal, audit, casework, legal, subject_request");
    }

    #[test]
    fn each_rule_names_its_place() {
        let mut policy = AccessPolicy::builtin();
        let rules = AccessRules { sensitive: false, grant_days: 366 };
        policy.purposes = [("own".parse().unwrap(), rules)].into();
        let told: Vec<_> = policy.check().into_iter().map(|violation| violation.pointer).collect();
        assert_eq!(told, ["/purposes/own", "/purposes/own/grant_days"]);
        policy.purposes.clear();
        assert_eq!(policy.check()[0].pointer, "/purposes");
    }

    #[test]
    fn what_is_not_in_the_policy_any_longer_is_sensitive() {
        let policy = AccessPolicy::builtin();
        for (purpose, sensitive) in [("casework", false), ("legal", true), ("gone", true), ("own", false)] {
            assert_eq!(policy.is_sensitive(&purpose.parse().unwrap()), sensitive, "{purpose}");
        }
    }
}
