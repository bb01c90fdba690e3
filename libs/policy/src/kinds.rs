//! The kinds of policy of a service, without their types.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::{Policy, Violation, pointer};

/// The kinds that a service has. Cheap to clone once complete.
#[derive(Clone, Debug, Default)]
pub struct Kinds(Arc<BTreeMap<&'static str, Kind>>);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) builtin: fn() -> Result<Value, serde_json::Error>,
    /// The body as this build writes it.
    read: fn(&Value) -> Result<Value, Violation>,
    check: fn(&Set) -> Vec<Violation>,
}

/// The policies of a tenant that are in force, or would be.
#[derive(Clone, Debug, Default)]
pub struct Set(pub(crate) BTreeMap<&'static str, Value>);

impl Kinds {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With this one too.
    #[must_use]
    pub fn with<T: Policy>(mut self) -> Self {
        let kind = Kind {
            name: T::KIND,
            builtin: || serde_json::to_value(T::builtin()),
            read: read::<T>,
            check: check::<T>,
        };
        Arc::make_mut(&mut self.0).insert(T::KIND, kind);
        self
    }

    pub(crate) fn get(&self, name: &str) -> Option<Kind> {
        self.0.get(name).copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Kind> + '_ {
        self.0.values().copied()
    }

    /// The body as this build writes it, if the set with it in place of its kind's breaks no rule: neither its own, nor
    /// one of another kind.
    pub(crate) fn check(&self, kind: Kind, body: &Value, mut set: Set) -> Result<Value, Vec<Violation>> {
        let body = (kind.read)(body).map_err(|violation| vec![violation])?;
        set.0.insert(kind.name, body.clone());
        let mut violations = (kind.check)(&set);
        for other in self.iter().filter(|other| other.name != kind.name) {
            let prefixed = (other.check)(&set).into_iter().map(|violation| Violation {
                pointer: format!("{}:{}", other.name, violation.pointer),
                ..violation
            });
            violations.extend(prefixed);
        }
        if violations.is_empty() { Ok(body) } else { Err(violations) }
    }
}

impl Set {
    /// The policy of a kind; `None` when the service has none of it.
    #[must_use]
    pub fn get<T: Policy>(&self) -> Option<T> {
        T::deserialize(self.0.get(T::KIND)?).ok()
    }
}

fn read<T: Policy>(body: &Value) -> Result<Value, Violation> {
    let policy: T = serde_path_to_error::deserialize(body).map_err(|error| {
        let text = error.inner().to_string();
        let (field, rule) = rule(&text);
        Violation { pointer: pointer::of_error(error.path(), field), rule }
    })?;
    serde_json::to_value(policy).map_err(|_| Violation::at(&[], "must be what JSON can say"))
}

fn check<T: Policy>(set: &Set) -> Vec<Violation> {
    let Some(policy) = set.get::<T>() else { return Vec::new() };
    let mut violations = policy.check();
    violations.extend(policy.check_beside(set));
    violations
}

/// The field that serde names, and the rule, without the value that it quotes.
fn rule(text: &str) -> (Option<&str>, String) {
    let named = text.split('`').nth(1);
    if text.starts_with("unknown field") {
        (named, "is not a field here".to_owned())
    } else if text.starts_with("missing field") {
        (named, "is required".to_owned())
    } else if let Some((_, expected)) = text.rsplit_once("expected ") {
        (None, format!("must be {expected}"))
    } else {
        // A rule of the policy's own types.
        (None, text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Shelves {
        shelves: BTreeMap<String, Shelf>,
    }

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Shelf {
        width: u32,
        #[serde(default)]
        sort: Option<String>,
    }

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sorts {
        sorts: Vec<String>,
    }

    impl Policy for Shelves {
        const KIND: &'static str = "shelves";
        fn builtin() -> Self {
            Self { shelves: BTreeMap::new() }
        }
        fn check(&self) -> Vec<Violation> {
            let narrow = self.shelves.iter().filter(|(_, shelf)| shelf.width < 10);
            narrow.map(|(name, _)| Violation::at(&["shelves", name, "width"], "must be 10 or more")).collect()
        }
        fn check_beside(&self, others: &Set) -> Vec<Violation> {
            let sorts = others.get::<Sorts>().map(|sorts| sorts.sorts).unwrap_or_default();
            let unknown = self
                .shelves
                .iter()
                .filter(|(_, shelf)| shelf.sort.as_ref().is_some_and(|sort| !sorts.contains(sort)));
            unknown
                .map(|(name, _)| Violation::at(&["shelves", name, "sort"], "must be one of the sorts"))
                .collect()
        }
    }

    impl Policy for Sorts {
        const KIND: &'static str = "sorts";
        fn builtin() -> Self {
            Self { sorts: vec!["oak".into()] }
        }
        fn check(&self) -> Vec<Violation> {
            Vec::new()
        }
    }

    fn told(kind: &str, body: &Value, shelves: Value) -> Vec<String> {
        let kinds = Kinds::new().with::<Shelves>().with::<Sorts>();
        let set = Set([("shelves", shelves), ("sorts", json!({"sorts": ["oak"]}))].into());
        let told = kinds.check(kinds.get(kind).unwrap(), body, set).err().unwrap_or_default();
        told.into_iter().map(|violation| format!("{} {}", violation.pointer, violation.rule)).collect()
    }

    #[test]
    fn every_broken_rule_names_its_place_and_not_the_value() {
        let none = json!({"shelves": {}});
        let shelf = |shelf: Value| told("shelves", &json!({"shelves": {"a/b": shelf}}), none.clone());
        assert_eq!(shelf(json!({"width": 10, "sort": "oak"})), [""; 0]);
        assert_eq!(
            shelf(json!({"width": 1, "sort": "elm"})),
            ["/shelves/a~1b/width must be 10 or more", "/shelves/a~1b/sort must be one of the sorts"]
        );
        assert_eq!(shelf(json!({"width": "secret"})), ["/shelves/a~1b/width must be u32"]);
        assert_eq!(shelf(json!({"sort": "oak"})), ["/shelves/a~1b/width is required"]);
        assert_eq!(shelf(json!({"width": 10, "deep": 1})), ["/shelves/a~1b/deep is not a field here"]);
        assert_eq!(told("shelves", &json!(7), none), [" must be struct Shelves"]);
    }

    #[test]
    fn a_policy_may_not_take_away_what_another_one_names() {
        let shelves = json!({"shelves": {"a": {"width": 10, "sort": "oak"}}});
        assert_eq!(told("sorts", &json!({"sorts": ["oak", "elm"]}), shelves.clone()), [""; 0]);
        assert_eq!(
            told("sorts", &json!({"sorts": []}), shelves),
            ["shelves:/shelves/a/sort must be one of the sorts"]
        );
    }

    #[test]
    fn a_body_is_kept_as_this_build_writes_it() {
        let kinds = Kinds::new().with::<Shelves>();
        let body = json!({"shelves": {"a": {"width": 10}}});
        let kept = kinds.check(kinds.get("shelves").unwrap(), &body, Set::default()).unwrap();
        assert_eq!(kept, json!({"shelves": {"a": {"width": 10, "sort": null}}}));
    }
}
