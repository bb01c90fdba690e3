//! Whether charts would notice: a typo in every key that a schema knows, and a mistake of each kind in values.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};

use super::helm::{CLUSTER, Helm};
use crate::paths;

const LIBRARY: &str = "helm/service/values.schema.json";
/// A key that nothing has.
const TYPO: &str = "typo";

/// Mistakes that nothing has found.
pub(super) fn uncaught(root: &Path, helm: &Helm, services: &[String]) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    let places = places_of(root, LIBRARY)?;
    for service in services {
        let mut values = json!({TYPO: 1, "service": {}});
        places.iter().for_each(|place| put(&mut values["service"], place));
        let said = refused(service, &values, |file| helm.render(service, "prod", &[file]))?;
        // The service's own schema has the outermost object.
        faults.extend(unnamed(&said, &places, service));
        faults.extend(unnamed(&said, &[String::new()], service));
    }
    for chart in CLUSTER {
        let places = places_of(root, &format!("{chart}/values.schema.json"))?;
        let mut values = json!({TYPO: 1});
        places.iter().for_each(|place| put(&mut values, place));
        let said = refused(chart, &values, |file| helm.render_cluster(chart, "prod", &[file]))?;
        faults.extend(unnamed(&said, &places, chart));
        faults.extend(unnamed(&said, &[String::new()], chart));
    }
    for (values, word) in mistakes() {
        let said = refused("document", &values, |file| helm.render("document", "prod", &[file]))?;
        if !said.contains(word) {
            faults
                .push(format!("document: {values} must be refused with {word:?}, and is answered {said:?}"));
        }
    }
    Ok(faults)
}

fn places_of(root: &Path, file: &str) -> Result<Vec<String>> {
    let text = fs::read_to_string(root.join(file)).with_context(|| format!("cannot read {file}"))?;
    let schema: Value = serde_json::from_str(&text).with_context(|| format!("{file} is not JSON"))?;
    let mut open = Vec::new();
    opened(&schema, "", &mut open);
    ensure!(open.is_empty(), "{file}: takes any key at {}: say additionalProperties", open.join(", "));
    Ok(places(&schema, &schema, ""))
}

/// Objects whose keys are named and that take others too; what is under a condition only adds to what is said elsewhere.
fn opened(schema: &Value, at: &str, found: &mut Vec<String>) {
    let Some(map) = schema.as_object() else { return };
    if map.contains_key("properties") && !map.contains_key("additionalProperties") {
        found.push(format!("{at}/"));
    }
    for group in ["properties", "definitions"] {
        for (key, inner) in map.get(group).and_then(Value::as_object).into_iter().flatten() {
            opened(inner, &format!("{at}/{key}"), found);
        }
    }
    for inner in map.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
        opened(inner, at, found);
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = map.get(key) {
            opened(inner, &format!("{at}/*"), found);
        }
    }
}

/// Places at which no typo was complained about.
fn unnamed(said: &str, places: &[String], chart: &str) -> Vec<String> {
    let named = |place: &&String| {
        said.lines().any(|line| line.contains(&format!("at '{place}':")) && line.contains(TYPO))
    };
    let missing = places.iter().filter(|place| !named(place));
    missing
        .map(|place| format!("{chart}: a typo at '{place}' is not found; what was: {said:.2000}"))
        .collect()
}

/// Why values are refused; empty where they are not.
fn refused(
    chart: &str,
    values: &Value,
    render: impl Fn(&Path) -> Result<Result<String, String>>,
) -> Result<String> {
    let folder = paths::target().join("helm");
    fs::create_dir_all(&folder)?;
    let file = folder.join(format!("mistake-{}.json", chart.replace('/', "-")));
    fs::write(&file, values.to_string()).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(render(&file)?.err().unwrap_or_default())
}

/// Every object that takes no other keys, as `/image`; those inside of maps are below a key of ours.
fn places(schema: &Value, root: &Value, at: &str) -> Vec<String> {
    if let Some(name) =
        schema.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix("#/definitions/"))
    {
        return places(&root["definitions"][name], root, at);
    }
    let mut found = Vec::new();
    let others = schema.get("additionalProperties");
    if others == Some(&Value::Bool(false)) {
        found.push(at.to_owned());
    }
    for (key, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        found.extend(places(inner, root, &format!("{at}/{key}")));
    }
    if let Some(inner) = others.filter(|others| others.is_object()) {
        // A name that maps of settings and of services both take.
        let key = if at.ends_with("settings") || at.ends_with("secrets") { "X__Y" } else { "x" };
        found.extend(places(inner, root, &format!("{at}/{key}")));
    }
    found.retain(|place| !place.is_empty() && !place.starts_with("/global"));
    found
}

/// Puts a typo at a place.
fn put(values: &mut Value, place: &str) {
    let mut value = values;
    for key in place.split('/').skip(1) {
        let Value::Object(map) = value else { return };
        value = map.entry(key).or_insert_with(|| Value::Object(Map::new()));
    }
    if let Value::Object(map) = value {
        map.insert(TYPO.to_owned(), json!(1));
    }
}

/// Values that must be refused, and a word of why.
fn mistakes() -> Vec<(Value, &'static str)> {
    let service = |value: Value| json!({"service": value});
    vec![
        (service(json!({"image": {"tag": "latest"}})), "tag"),
        (service(json!({"image": {"digest": "sha256:abc"}})), "digest"),
        (service(json!({"image": {"digest": ""}})), "digest"),
        (service(json!({"name": "documents"})), "name"),
        (service(json!({"settings": {"DOCUMENT__DB__URI": "x"}})), "DOCUMENT__DB__URI"),
        (service(json!({"settings": {"BFF__REDIS__URL": "x"}})), "BFF__REDIS__URL"),
        (
            service(json!({"settings": {"DOCUMENT__DB__MAX_CONNECTIONS": 20}})),
            "DOCUMENT__DB__MAX_CONNECTIONS",
        ),
        (service(json!({"secrets": {"DOCUMENT__DB__PASSWORD": {}}})), "DOCUMENT__DB__PASSWORD"),
        (
            service(json!({"workloads": {"a": {"settings": {"DOCUMENT__NO__SUCH": "x"}}}})),
            "DOCUMENT__NO__SUCH",
        ),
        (service(json!({"secrets": {"DOCUMENT__DB__URL": {"for": "everybody"}}})), "for"),
        (service(json!({"resources": {"limits": {"memory": "256"}}})), "memory"),
        (service(json!({"scaling": {"kind": "vpa"}})), "kind"),
        (service(json!({"scaling": {"kind": "hpa", "requestsPerSecond": 5}})), "requestsPerSecond"),
        (service(json!({"scaling": {"min": 0}})), "min"),
        (
            service(json!({"scaling": {"kind": "keda", "triggers": [{"kind": "sqs", "waiting": 1}]}})),
            "triggers",
        ),
        (service(json!({"route": {"kind": "http", "hosts": []}})), "hosts"),
        (service(json!({"route": {"gateways": [{"name": "a", "namespace": "b", TYPO: 1}]}})), TYPO),
        (service(json!({"tolerations": [{"key": "a", TYPO: 1}]})), TYPO),
        (service(json!({"network": {"egress": {"x": {"ports": [1]}}}})), "egress"),
        (service(json!({"network": {"egress": {"x": {"service": "bff", "ports": []}}}})), "ports"),
        (service(json!({"migrate": {"egress": ["postgresql"]}})), "network.egress has no \"postgresql\""),
        (service(json!({"termination": {"graceSeconds": 5}})), "graceSeconds"),
        (service(json!({"alerts": {"watch": ["everything"]}})), "watch"),
        (service(json!({"alerts": {"objectives": {"latencySeconds": 3}}})), "latencySeconds"),
        (service(json!({"alerts": {"objectives": {"availabilityPercent": 100}}})), "availabilityPercent"),
        (
            service(json!({"proofs": {"x": {"schedule": "0 2 * * *", "args": ["x"], "deadlineSeconds": 60,
                "secrets": ["DOCUMENT__DB__OWNER_URL"]}}})),
            "secrets has no \"DOCUMENT__DB__OWNER_URL\"",
        ),
        (service(json!({"proofs": {"x": {"schedule": "daily", "args": ["x"]}}})), "schedule"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_that_takes_any_key_is_named() {
        let inner = json!({"type": "object", "properties": {"a": {}}});
        let closed = json!({"type": "object", "properties": {"b": inner}, "additionalProperties": false,
            "definitions": {"c": {"items": inner}}});
        let mut found = Vec::new();
        opened(&closed, "", &mut found);
        assert_eq!(found, ["/b/", "/c/*/"]);
    }

    #[test]
    fn places_are_objects_that_take_no_other_keys_and_those_in_maps() {
        let schema = json!({"additionalProperties": false, "properties": {
            "map": {"additionalProperties": {"$ref": "#/definitions/one"}},
            "labels": {"additionalProperties": {"type": "string"}}},
            "definitions": {"one": {"additionalProperties": false, "properties": {}}}});
        assert_eq!(places(&schema, &schema, ""), ["/map/x"]);
    }
}
