//! As much of JSON Schema as the contract needs: types, properties that are required or forbidden, patterns by prefix and
//! length, enumerations. A word that is not known here is refused, so that a schema never promises more than is checked.

use serde_json::Value;

const KNOWN: [&str; 11] = [
    "$defs",
    "$id",
    "$schema",
    "additionalProperties",
    "const",
    "description",
    "items",
    "minLength",
    "properties",
    "required",
    "type",
];

/// Where `value` is not as `schema` says: `<path>: <rule>`.
pub(super) fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    check(schema, schema, value, "contract", &mut faults);
    faults
}

fn check(root: &Value, schema: &Value, value: &Value, path: &str, faults: &mut Vec<String>) {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        match root.pointer(reference.trim_start_matches('#')) {
            Some(target) => check(root, target, value, path, faults),
            None => faults.push(format!("{path}: the schema refers to {reference}, which is not there")),
        }
        return;
    }
    for word in schema
        .as_object()
        .into_iter()
        .flatten()
        .map(|(word, _)| word)
        .filter(|word| !KNOWN.contains(&word.as_str()))
    {
        faults.push(format!("{path}: the schema says {word:?}, which is not checked"));
    }
    if let Some(kinds) = schema.get("type") {
        let allowed = kinds.as_array().map_or_else(|| std::slice::from_ref(kinds), Vec::as_slice);
        if !allowed.iter().any(|kind| kind == kind_of(value) || (kind == "integer" && value.is_u64())) {
            faults.push(format!("{path}: must be {kinds}, and is {}", kind_of(value)));
            return;
        }
    }
    if let Some(expected) = schema.get("const").filter(|expected| *expected != value) {
        faults.push(format!("{path}: must be {expected}"));
    }
    if let (Some(least), Some(text)) = (schema.get("minLength").and_then(Value::as_u64), value.as_str())
        && (text.len() as u64) < least
    {
        faults.push(format!("{path}: must not be empty"));
    }
    if let Some(object) = value.as_object() {
        for name in
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
        {
            if !object.contains_key(name) {
                faults.push(format!("{path}.{name}: is missing"));
            }
        }
        for (name, value) in object {
            let path = format!("{path}.{name}");
            match (schema.get("properties").and_then(|all| all.get(name)), schema.get("additionalProperties"))
            {
                (Some(of), _) => check(root, of, value, &path, faults),
                (None, Some(Value::Bool(false))) => faults.push(format!("{path}: is not in the schema")),
                (None, Some(of)) => check(root, of, value, &path, faults),
                (None, None) => {}
            }
        }
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        if let Some(of) = schema.get("items") {
            check(root, of, item, &format!("{path}[{index}]"), faults);
        }
    }
}

const fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_word_is_checked_and_an_unknown_one_refused() {
        let schema = json!({"type": "object", "required": ["name"], "additionalProperties": false, "properties": {
            "name": {"type": "string", "minLength": 1}, "version": {"const": 1},
            "all": {"type": "object", "additionalProperties": {"$ref": "#/$defs/count"}},
            "list": {"type": "array", "items": {"type": ["string", "null"]}}},
            "$defs": {"count": {"type": "integer"}}});
        let good = json!({"name": "a", "version": 1, "all": {"x": 3}, "list": ["b", null]});
        assert_eq!(faults(&schema, &good), Vec::<String>::new());
        let bad = json!({"name": "", "version": 2, "all": {"x": "3"}, "list": [4], "more": 1});
        let found = faults(&schema, &bad);
        for path in
            ["contract.name", "contract.version", "contract.all.x", "contract.list[0]", "contract.more"]
        {
            assert!(found.iter().any(|fault| fault.starts_with(path)), "{path}: {found:?}");
        }
        assert!(faults(&schema, &json!({}))[0].contains("name: is missing"));
        assert!(faults(&json!({"format": "email"}), &json!("x"))[0].contains("not checked"));
    }
}
