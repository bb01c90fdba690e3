//! What people are verified for, as data that a tenant publishes.

use std::collections::{BTreeMap, BTreeSet};

use policy::{Policy, Violation};
use serde::{Deserialize, Serialize};
use time::Duration;

use super::{AccountName, CheckKind, DocumentKind};

const MOST_PURPOSES: usize = 64;
const MOST_ALTERNATIVES: usize = 10;

/// The kind `verification`: what people are verified for, and what that takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerificationPolicy {
    /// The purposes by name, 1 to 64; names are 1 to 63 of a-z, 0-9 and `-`.
    pub purposes: BTreeMap<String, PurposeRules>,
    /// Accounts that are asked first, in this order, by check; the others follow in the order of their file.
    #[serde(default)]
    pub first: BTreeMap<CheckKind, Vec<String>>,
}

/// What a purpose takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PurposeRules {
    /// What has to be handed in: of each list one, up to 10 lists.
    pub documents: Vec<BTreeSet<DocumentKind>>,
    /// What providers are asked, at least one.
    pub checks: BTreeSet<CheckKind>,
    /// Whether a person decides although every check has passed.
    #[serde(default)]
    pub always_review: bool,
    /// Whether a case is rejected without a person when a check has failed and none is in doubt.
    #[serde(default)]
    pub reject_failed: bool,
    /// Whether two persons have to agree.
    #[serde(default)]
    pub four_eyes: bool,
    /// For how long a check may take over all of its providers: 10 to 604,800 seconds.
    pub check_seconds: u32,
    /// For how long one provider is waited for: 5 to `check_seconds`.
    pub provider_seconds: u32,
    /// Within how many hours a person decides: 1 to 720.
    pub review_hours: u16,
    /// For how many days what was asked for again is waited for: 1 to 365.
    pub answer_days: u16,
}

impl PurposeRules {
    /// For how long a check may take.
    #[must_use]
    pub fn check_budget(&self) -> Duration {
        Duration::seconds(self.check_seconds.into())
    }

    /// For how long one provider is waited for.
    #[must_use]
    pub fn provider_patience(&self) -> Duration {
        Duration::seconds(self.provider_seconds.into())
    }

    /// Within what a person decides.
    #[must_use]
    pub fn review_within(&self) -> Duration {
        Duration::hours(self.review_hours.into())
    }

    /// For how long what was asked for again is waited for.
    #[must_use]
    pub fn answer_within(&self) -> Duration {
        Duration::days(self.answer_days.into())
    }
}

impl VerificationPolicy {
    /// The rules of the purpose of that name.
    #[must_use]
    pub fn purpose(&self, name: &str) -> Option<&PurposeRules> {
        self.purposes.get(name)
    }

    /// Names of the purposes, for people.
    #[must_use]
    pub fn names(&self) -> String {
        self.purposes.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

impl Policy for VerificationPolicy {
    const KIND: &'static str = "verification";

    fn builtin() -> Self {
        let proof: BTreeSet<_> =
            [DocumentKind::Passport, DocumentKind::IdentityCard, DocumentKind::ResidencePermit].into();
        let rules = |documents: Vec<BTreeSet<DocumentKind>>, checks: &[CheckKind], four_eyes| PurposeRules {
            documents,
            checks: checks.iter().copied().collect(),
            always_review: false,
            reject_failed: false,
            four_eyes,
            check_seconds: 600,
            provider_seconds: 60,
            review_hours: 48,
            answer_days: 30,
        };
        let identity = [CheckKind::Document, CheckKind::Identity];
        let residency = [CheckKind::Document, CheckKind::Identity, CheckKind::Address];
        let grant = [CheckKind::Document, CheckKind::Identity, CheckKind::Watchlist];
        let address = BTreeSet::from([DocumentKind::ProofOfAddress]);
        Self {
            purposes: [
                ("identity", rules(vec![proof.clone()], &identity, false)),
                ("residency", rules(vec![proof.clone(), address], &residency, false)),
                // Money is given out.
                ("grant", rules(vec![proof], &grant, true)),
            ]
            .into_iter()
            .map(|(name, rules)| (name.to_owned(), rules))
            .collect(),
            first: BTreeMap::new(),
        }
    }

    fn check(&self) -> Vec<Violation> {
        let mut violations = Vec::new();
        if !(1..=MOST_PURPOSES).contains(&self.purposes.len()) {
            violations.push(Violation::at(&["purposes"], format!("must be 1 to {MOST_PURPOSES}")));
        }
        for (check, accounts) in &self.first {
            let right = accounts.iter().all(|name| name.parse::<AccountName>().is_ok());
            if !right || accounts.len() > MOST_ALTERNATIVES {
                violations
                    .push(Violation::at(&["first", check.name()], "must be up to 10 names of accounts"));
            }
        }
        for (name, rules) in &self.purposes {
            let mut broken = |field: &[&str], rule: &str| {
                let path: Vec<_> = ["purposes", name].into_iter().chain(field.iter().copied()).collect();
                violations.push(Violation::at(&path, rule));
            };
            let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            if !plain || !(1..=63).contains(&name.len()) {
                broken(&[], "must be named by 1 to 63 of a-z, 0-9 and '-'");
            }
            if rules.documents.len() > MOST_ALTERNATIVES {
                broken(&["documents"], "must be 0 to 10");
            }
            if rules.documents.iter().any(BTreeSet::is_empty) {
                broken(&["documents"], "must be lists of one or more");
            }
            if rules.checks.is_empty() {
                broken(&["checks"], "must be one or more");
            }
            if !(10..=604_800).contains(&rules.check_seconds) {
                broken(&["check_seconds"], "must be 10 to 604800");
            }
            if !(5..=rules.check_seconds.max(5)).contains(&rules.provider_seconds) {
                broken(&["provider_seconds"], "must be 5 to check_seconds");
            }
            if !(1..=720).contains(&rules.review_hours) {
                broken(&["review_hours"], "must be 1 to 720");
            }
            if !(1..=365).contains(&rules.answer_days) {
                broken(&["answer_days"], "must be 1 to 365");
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
        let policy = VerificationPolicy::builtin();
        assert_eq!(policy.check(), []);
        assert_eq!(policy.names(), "grant, identity, residency");
        let text = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<VerificationPolicy>(&text).unwrap(), policy);
    }

    #[test]
    fn each_rule_names_its_place() {
        let mut policy = VerificationPolicy::builtin();
        let rules = PurposeRules {
            documents: vec![BTreeSet::new(); 11],
            checks: BTreeSet::new(),
            check_seconds: 9,
            provider_seconds: 4,
            review_hours: 0,
            answer_days: 366,
            ..policy.purposes["identity"].clone()
        };
        policy.purposes = [("A".to_owned(), rules)].into();
        let places: Vec<_> = policy.check().into_iter().map(|violation| violation.pointer).collect();
        assert_eq!(
            places,
            [
                "/purposes/A",
                "/purposes/A/documents",
                "/purposes/A/documents",
                "/purposes/A/checks",
                "/purposes/A/check_seconds",
                "/purposes/A/provider_seconds",
                "/purposes/A/review_hours",
                "/purposes/A/answer_days",
            ]
        );
        policy.purposes.clear();
        policy.first = [(CheckKind::Address, vec!["a b".to_owned()])].into();
        let places: Vec<_> = policy.check().into_iter().map(|violation| violation.pointer).collect();
        assert_eq!(places, ["/purposes", "/first/address"]);
    }
}
