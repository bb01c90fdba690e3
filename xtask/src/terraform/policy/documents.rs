//! Policies: nobody from outside, and no wildcard action on every resource.

use serde_json::Value;

use super::Promise;
use crate::terraform::plan::Resource;

/// Attributes that hold a policy.
const POLICIES: [&str; 4] = ["policy", "policy_document", "assume_role_policy", "access_policies"];
/// The whole account in one word.
const ADMINISTRATORS: [&str; 3] = ["AdministratorAccess", "IAMFullAccess", "PowerUserAccess"];

/// What a resource's policies allow that nobody may be allowed.
pub(super) fn faults(resource: &Resource, promise: &Promise<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    for attribute in POLICIES {
        // What a mock put there is no policy.
        let Ok(document) = serde_json::from_str::<Value>(resource.text(attribute)) else { continue };
        for statement in list(document.get("Statement").unwrap_or(&Value::Null)) {
            faults.extend(judge(statement, resource, promise));
        }
    }
    let attached = resource.text("policy_arn");
    if resource.kind == "aws_iam_role_policy_attachment"
        && ADMINISTRATORS.iter().any(|name| attached.ends_with(&format!("/{name}")))
    {
        faults.push(format!("makes a workload an administrator: {attached}"));
    }
    faults
}

fn judge(statement: &Value, resource: &Resource, promise: &Promise<'_>) -> Option<String> {
    let name = statement.get("Sid").and_then(Value::as_str).unwrap_or("a statement");
    if statement.get("Effect").and_then(Value::as_str) != Some("Allow") {
        return None;
    }
    let principals = statement.get("Principal");
    let anybody = principals.is_some_and(|who| {
        who == "*" || who.as_object().into_iter().flatten().any(|(_, who)| list(who).any(|who| who == "*"))
    });
    if anybody {
        return Some(format!("{name} allows anybody: name who"));
    }
    if statement.get("NotAction").is_some() || statement.get("NotPrincipal").is_some() {
        return Some(format!("{name} allows all but something: name what is allowed"));
    }
    let actions: Vec<&str> = texts(statement.get("Action"));
    let wild = actions.iter().any(|action| *action == "*" || action.ends_with(":*"));
    let everything = texts(statement.get("Resource")).contains(&"*");
    // In a key's policy `*` is this key, and without its account's root nobody could ever mend the policy.
    let root = format!(":iam::{}:root", promise.account);
    let own_key = resource.kind.starts_with("aws_kms_")
        && principals
            .and_then(|who| who.get("AWS"))
            .and_then(Value::as_str)
            .is_some_and(|who| who.ends_with(&root));
    if actions.contains(&"*") || (wild && everything && !own_key) {
        return Some(format!("{name} allows a wildcard of actions on everything: {}", actions.join(", ")));
    }
    None
}

/// A list's items, or the one thing that stands for a list.
fn list(value: &Value) -> impl Iterator<Item = &Value> {
    let items = value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice);
    items.iter().filter(|item| !item.is_null())
}

fn texts(value: Option<&Value>) -> Vec<&str> {
    value.into_iter().flat_map(list).filter_map(Value::as_str).collect()
}
