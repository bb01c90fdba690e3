//! Whether charts would notice: a typo in every key that a schema knows, and a mistake of each kind in values.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};

use super::helm::Helm;
use crate::paths;

const LIBRARY: &str = "helm/service/values.schema.json";
/// A key that nothing has.
const TYPO: &str = "typo";

/// Mistakes that nothing has found.
pub(super) fn uncaught(root: &Path, helm: &Helm, services: &[String]) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    let text = fs::read_to_string(root.join(LIBRARY)).with_context(|| format!("cannot read {LIBRARY}"))?;
    let schema: Value = serde_json::from_str(&text).with_context(|| format!("{LIBRARY} is not JSON"))?;
    let places = places(&schema, &schema, "");
    ensure!(places.len() > 30, "{LIBRARY} closes {} objects only: what does it look like?", places.len());
    for service in services {
        let mut values = json!({TYPO: 1, "service": {}});
        for place in &places {
            put(&mut values["service"], place);
        }
        let said = refused(helm, service, &values)?;
        let mut found = places.iter().map(|place| format!("'{place}'")).collect::<Vec<_>>();
        found.push("''".to_owned());
        for place in found {
            let named =
                said.lines().any(|line| line.contains(&format!("at {place}:")) && line.contains(TYPO));
            if !named {
                faults.push(format!(
                    "{service}: a typo at {place} of helm/service is not found; what was: {said:.2000}"
                ));
            }
        }
    }
    for (values, word) in mistakes() {
        let said = refused(helm, "document", &values)?;
        if !said.contains(word) {
            faults
                .push(format!("document: {values} must be refused with {word:?}, and is answered {said:?}"));
        }
    }
    Ok(faults)
}

/// Why values are refused; empty where they are not.
fn refused(helm: &Helm, service: &str, values: &Value) -> Result<String> {
    let file = paths::target().join("helm").join(format!("mistake-{service}.json"));
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&file, values.to_string()).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(helm.render(service, "prod", &[&file])?.err().unwrap_or_default())
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
        (service(json!({"network": {"egress": {"x": {"ports": [1]}}}})), "egress"),
        (service(json!({"network": {"egress": {"x": {"service": "bff", "ports": []}}}})), "ports"),
        (service(json!({"migrate": {"egress": ["postgresql"]}})), "network.egress has no \"postgresql\""),
        (service(json!({"termination": {"graceSeconds": 5}})), "graceSeconds"),
        (service(json!({"alerts": {"watch": ["everything"]}})), "watch"),
    ]
}
