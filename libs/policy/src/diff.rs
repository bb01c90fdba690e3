//! What differs between two bodies.

use serde_json::Value;

use crate::pointer::push;

/// A place where two bodies differ.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    /// JSON Pointer.
    pub(crate) pointer: String,
    /// `None`: it was not there.
    pub(crate) before: Option<Value>,
    /// `None`: it is not there any more.
    pub(crate) after: Option<Value>,
}

/// Every difference, objects by member, in the order of the pointers' members; lists are told whole.
pub(crate) fn diff(before: &Value, after: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    walk("", Some(before), Some(after), &mut changes);
    changes
}

fn walk(pointer: &str, before: Option<&Value>, after: Option<&Value>, changes: &mut Vec<Change>) {
    match (before, after) {
        (before, after) if before == after => {}
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let mut names: Vec<_> = old.keys().chain(new.keys()).collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                walk(&push(pointer, name), old.get(name), new.get(name), changes);
            }
        }
        (before, after) => changes.push(Change {
            pointer: pointer.to_owned(),
            before: before.cloned(),
            after: after.cloned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_told_one_by_one_and_lists_whole() {
        let before = json!({"a": {"x": 1, "y": [1, 2]}, "gone": true});
        let after = json!({"a": {"x": 2, "y": [2]}, "new/one": null});
        let told: Vec<_> = diff(&before, &after)
            .into_iter()
            .map(|change| (change.pointer, change.before, change.after))
            .collect();
        assert_eq!(
            told,
            [
                ("/a/x".into(), Some(json!(1)), Some(json!(2))),
                ("/a/y".into(), Some(json!([1, 2])), Some(json!([2]))),
                ("/gone".into(), Some(json!(true)), None),
                ("/new~1one".into(), None, Some(json!(null))),
            ]
        );
    }

    fn body() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![any::<bool>().prop_map(Value::from), (0..3).prop_map(Value::from)];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop::collection::btree_map("[ab~/]", inner, 0..3)
                .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into())
        })
    }

    proptest! {
        #[test]
        fn what_a_diff_tells_is_what_there_is(before in body(), after in body()) {
            for change in diff(&before, &after) {
                prop_assert_eq!(before.pointer(&change.pointer), change.before.as_ref());
                prop_assert_eq!(after.pointer(&change.pointer), change.after.as_ref());
                prop_assert_ne!(change.before, change.after);
            }
            prop_assert_eq!(diff(&before, &after).is_empty(), before == after);
        }
    }
}
