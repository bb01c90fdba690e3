//! JSON schemas as kubeconform reads them, `<group>/<kind>_<version>.json`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::charts::yaml;
use crate::stack::install::Tool;
use crate::stack::system;

/// Kubernetes' own.
const KUBERNETES: &str = "k8s.io/kubernetes@v1.36.1";
/// Modules with definitions of what charts use, and where in them. Some newer ones want a newer Go than the local stack does.
const EXTENSIONS: [(&str, &str); 8] = [
    ("sigs.k8s.io/gateway-api@v1.6.3", "config/crd/standard"),
    ("github.com/kedacore/keda/v2@v2.21.0", "config/crd/bases"),
    ("github.com/external-secrets/external-secrets@v1.3.2", "config/crds/bases"),
    ("github.com/prometheus-operator/prometheus-operator@v0.85.0", "example/prometheus-operator-crd"),
    ("github.com/argoproj/argo-rollouts@v1.9.0", "manifests/crds"),
    ("github.com/cert-manager/cert-manager@v1.21.2", "deploy/crds"),
    ("github.com/argoproj/argo-cd/v3@v3.5.3", "manifests/crds"),
    ("istio.io/api@v1.32.0", "kubernetes"),
];

/// Raise the last number of the version with every change here.
pub(super) static SCHEMAS: Tool = Tool { version: "1.36.1-3", needs: &[system::GO], fill };

fn fill(dir: &Path, _log: &Path) -> Result<()> {
    let document = module(KUBERNETES)?.join("api/openapi-spec/swagger.json");
    let text =
        fs::read_to_string(&document).with_context(|| format!("cannot read {}", document.display()))?;
    for (file, schema) in of_kubernetes(&serde_json::from_str(&text)?) {
        write(dir, &file, &schema)?;
    }
    for (name, folder) in EXTENSIONS {
        let folder = module(name)?.join(folder);
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                let text = fs::read_to_string(&path)?;
                for (file, schema) in yaml::documents(&text)?.iter().flat_map(of_extension) {
                    write(dir, &file, &schema)?;
                }
            }
        }
    }
    Ok(())
}

/// Fetches a module, and says where it is.
fn module(name: &str) -> Result<PathBuf> {
    let mut go = Command::new("go");
    go.args(["mod", "download", "-json", name]).current_dir(std::env::temp_dir());
    let out = go.output().context("cannot run go")?;
    // What went wrong is in the answer too.
    let said: Value = serde_json::from_slice(&out.stdout).context("go's answer is not JSON")?;
    let folder = said.get("Dir").and_then(Value::as_str).map(PathBuf::from);
    folder.with_context(|| format!("{name} was not fetched: {}", yaml::text(&said, "Error")))
}

fn write(dir: &Path, file: &str, schema: &Value) -> Result<()> {
    let file = dir.join(file);
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&file, schema.to_string()).with_context(|| format!("cannot write {}", file.display()))
}

/// A schema per kind, with the definitions that it needs.
fn of_kubernetes(document: &Value) -> Vec<(String, Value)> {
    let definitions: BTreeMap<String, Value> = document
        .get("definitions")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, definition)| (name.clone(), closed(definition)))
        .collect();
    let mut files = Vec::new();
    for (name, definition) in &definitions {
        let kinds = definition.get("x-kubernetes-group-version-kind").and_then(Value::as_array);
        // What is listed under many groups is no object, but an option of calls.
        for kind in kinds.filter(|kinds| kinds.len() == 1).into_iter().flatten() {
            let [group, version, kind] = ["group", "version", "kind"].map(|key| yaml::text(kind, key));
            let mut needed = BTreeSet::new();
            collect(name, &definitions, &mut needed);
            let needed: Map<String, Value> =
                needed.iter().map(|name| (name.clone(), definitions[name].clone())).collect();
            let schema = json!({"$ref": format!("#/definitions/{name}"), "definitions": needed});
            files.push((file_name(if group.is_empty() { version } else { group }, kind, version), schema));
        }
    }
    files
}

fn file_name(group: &str, kind: &str, version: &str) -> String {
    format!("{group}/{}_{version}.json", kind.to_lowercase())
}

/// The names of a definition and of all that it refers to.
fn collect(name: &str, definitions: &BTreeMap<String, Value>, found: &mut BTreeSet<String>) {
    let Some(definition) = definitions.get(name) else { return };
    if !found.insert(name.to_owned()) {
        return;
    }
    let text = definition.to_string();
    for (at, prefix) in text.match_indices("\"#/definitions/") {
        let rest = &text[at + prefix.len()..];
        collect(rest.split('"').next().unwrap_or_default(), definitions, found);
    }
}

/// A schema per version of a custom resource definition.
fn of_extension(definition: &Value) -> Vec<(String, Value)> {
    let (group, kind) = (yaml::text(definition, "spec.group"), yaml::text(definition, "spec.names.kind"));
    let versions = yaml::list(definition, "spec.versions").iter();
    versions
        .map(|version| {
            let mut schema = closed(yaml::at(version, "schema.openAPIV3Schema"));
            // Some leave out what every object has.
            if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
                for key in ["apiVersion", "kind", "metadata"] {
                    properties.entry(key).or_insert_with(|| json!({}));
                }
            }
            (file_name(group, kind, yaml::text(version, "name")), schema)
        })
        .collect()
}

/// The same schema, in which objects whose fields are named take no others.
fn closed(schema: &Value) -> Value {
    match schema {
        Value::Array(list) => Value::Array(list.iter().map(closed).collect()),
        Value::Object(map) => {
            let mut map: Map<String, Value> =
                map.iter().map(|(key, value)| (key.clone(), closed(value))).collect();
            let open = map.contains_key("additionalProperties")
                || map.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
            if map.get("type") == Some(&json!("object")) && map.contains_key("properties") && !open {
                map.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            let either = |map: &Map<String, Value>| {
                map.get("format") == Some(&json!("int-or-string"))
                    || map.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true))
            };
            if either(&map) {
                map.insert("type".to_owned(), json!(["string", "integer"]));
            }
            if map.get("nullable") == Some(&Value::Bool(true))
                && let Some(kind) = map.get("type").cloned()
            {
                map.insert("type".to_owned(), json!([kind, "null"]));
            }
            // A number in JSON schema, a truth in OpenAPI.
            for key in ["exclusiveMinimum", "exclusiveMaximum"] {
                if map.get(key).is_some_and(Value::is_boolean) {
                    map.remove(key);
                }
            }
            Value::Object(map)
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_with_named_fields_are_closed_and_others_are_not() {
        let schema = json!({"type": "object", "properties": {
            "port": {"x-kubernetes-int-or-string": true}, "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "any": {"type": "object", "properties": {"a": {}}, "x-kubernetes-preserve-unknown-fields": true}}});
        let closed = closed(&schema);
        assert_eq!(closed["additionalProperties"], json!(false));
        assert_eq!(closed["properties"]["port"]["type"], json!(["string", "integer"]));
        assert_eq!(closed["properties"]["labels"]["additionalProperties"], json!({"type": "string"}));
        assert!(closed["properties"]["any"].get("additionalProperties").is_none());
    }
}
