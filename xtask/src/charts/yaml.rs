//! YAML as values.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize as _;
use serde_json::Value;

/// Every document of a text; empty ones are left out.
pub(super) fn documents(text: &str) -> Result<Vec<Value>> {
    let documents = serde_yaml::Deserializer::from_str(text).map(Value::deserialize);
    let documents: Vec<Value> = documents.collect::<Result<_, _>>().context("not YAML")?;
    Ok(documents.into_iter().filter(|document| !document.is_null()).collect())
}

/// The one document of a file.
pub(super) fn file(path: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_yaml::from_str(&text).with_context(|| format!("{} is not YAML", path.display()))
}

/// A value by its path, `null` where there is none: `spec.template.spec`.
pub(super) fn at<'v>(value: &'v Value, path: &str) -> &'v Value {
    path.split('.').fold(value, |value, key| value.get(key).unwrap_or(&Value::Null))
}

/// A text by its path, empty where there is none.
pub(super) fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    at(value, path).as_str().unwrap_or_default()
}

/// A list by its path, empty where there is none.
pub(super) fn list<'v>(value: &'v Value, path: &str) -> &'v [Value] {
    at(value, path).as_array().map_or(&[], Vec::as_slice)
}

/// How a document is called: `Deployment document`.
pub(super) fn called(document: &Value) -> String {
    format!("{} {}", text(document, "kind"), text(document, "metadata.name"))
}
