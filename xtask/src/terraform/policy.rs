//! What must hold of everything that an environment makes, whichever module makes it. The rules see values after a mocked
//! apply, so that they also judge what only exists then: policies with the ARNs in them.

mod documents;
mod kinds;
mod places;

use serde_json::Value;

use super::plan::{Resource, State};

/// What an environment says of itself, in its contract.
struct Promise<'a> {
    account: &'a str,
    residency: Vec<&'a str>,
    protected: bool,
    /// Whether there is a second region.
    copied: bool,
}

/// What breaks a rule: `<address>: <what must hold>`.
pub(super) fn faults(state: &State) -> Vec<String> {
    let resources = state.resources();
    let contract = state.output("contract");
    let text = |key: &str| contract.get(key).and_then(Value::as_str).unwrap_or_default();
    let residency = contract.pointer("/objectives/residency").and_then(Value::as_array);
    let promise = Promise {
        account: text("account_id"),
        residency: residency.into_iter().flatten().filter_map(Value::as_str).collect(),
        protected: contract.pointer("/objectives/protected") == Some(&Value::Bool(true)),
        copied: contract.pointer("/objectives/replica_region").is_some_and(Value::is_string),
    };
    let mut faults = Vec::new();
    for resource in &resources {
        let mut found: Vec<String> = Vec::new();
        found.extend(kinds::faults(resource, &resources, &promise));
        found.extend(documents::faults(resource, &promise));
        found.extend(places::faults(resource, &promise));
        faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", resource.address)));
    }
    faults.extend(kinds::missing(&resources, &promise));
    faults
}

/// Reads values of a resource by path, where a block is a list of one: `encryption_info.encryption_in_transit.client_broker`.
impl Resource {
    fn at(&self, path: &str) -> &Value {
        path.split('.').fold(&self.values, |value, key| {
            let value = value.as_array().and_then(|list| list.first()).unwrap_or(value);
            value.get(key).unwrap_or(&Value::Null)
        })
    }

    fn text(&self, path: &str) -> &str {
        self.at(path).as_str().unwrap_or_default()
    }

    /// Whether it is true or false; some of the provider's truths are strings.
    fn is(&self, path: &str, expected: bool) -> bool {
        let value = self.at(path);
        value.as_bool() == Some(expected) || value.as_str() == Some(if expected { "true" } else { "false" })
    }

    fn number(&self, path: &str) -> f64 {
        self.at(path).as_f64().unwrap_or_default()
    }

    /// Whether it is a key of ours. A mock fills what was not set with letters, which must not count.
    fn has_key(&self, path: &str) -> bool {
        self.text(path).contains(":kms:")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A state with these resources, of an environment in eu-central-1 that is protected.
    fn judged(resources: &Value) -> Vec<String> {
        let contract = json!({"account_id": "111122223333",
            "objectives": {"residency": ["eu-central-1"], "protected": true, "replica_region": null}});
        let state =
            json!({"root_module": {"resources": resources}, "outputs": {"contract": {"value": contract}}});
        let state: State = serde_json::from_value(state).unwrap();
        faults(&state)
    }

    fn resource(kind: &str, values: Value) -> Value {
        let mut values = values;
        let tags = json!({"project": "p", "environment": "e", "owner": "o", "managed-by": "terraform"});
        for (key, value) in [("region", json!("eu-central-1")), ("tags", tags)] {
            if values.get(key).is_none() {
                values[key] = value;
            }
        }
        json!({"address": format!("{kind}.x"), "type": kind, "mode": "managed", "values": values})
    }

    const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1";

    #[test]
    fn what_is_as_it_should_be_breaks_no_rule() {
        let queue = json!({"name": "a", "kms_master_key_id": KEY, "redrive_policy": "{\"deadLetterTargetArn\":\"b\"}"});
        let policy = json!({"policy": json!({"Statement": [{"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": "*"}]}).to_string()});
        let database = json!({"storage_encrypted": true, "kms_key_id": KEY, "publicly_accessible": false, "multi_az": true,
            "backup_retention_period": 30, "deletion_protection": true, "skip_final_snapshot": false, "performance_insights_kms_key_id": KEY});
        let all = json!([
            resource("aws_sqs_queue", queue),
            resource("aws_iam_role_policy", policy),
            resource("aws_db_instance", database)
        ]);
        assert_eq!(judged(&all), Vec::<String>::new());
    }

    #[test]
    fn each_rule_finds_its_fault() {
        let open = json!({"policy": "{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"s3:GetObject\",\"Resource\":\"x\"}]}"});
        let any = json!({"policy": "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":[\"s3:*\"],\"Resource\":[\"*\"]}}"});
        let table = [
            (
                "aws_sqs_queue",
                json!({"name": "a", "kms_master_key_id": "k3j2", "redrive_policy": "{\"deadLetterTargetArn\":1}"}),
                "encrypted",
            ),
            (
                "aws_sqs_queue",
                json!({"name": "a", "kms_master_key_id": KEY, "redrive_policy": null}),
                "dead-letter",
            ),
            (
                "aws_sqs_queue",
                json!({"name": "a-dlq", "kms_master_key_id": KEY, "region": "us-east-1"}),
                "us-east-1",
            ),
            (
                "aws_sqs_queue",
                json!({"name": "a-dlq", "kms_master_key_id": KEY, "tags": {"project": "p"}}),
                "tag",
            ),
            (
                "aws_s3_bucket_public_access_block",
                json!({"block_public_acls": true, "block_public_policy": true, "ignore_public_acls": true}),
                "public",
            ),
            ("aws_s3_bucket_policy", open, "anybody"),
            ("aws_iam_role_policy", any, "wildcard"),
            ("aws_security_group", json!({"ingress": [{"cidr_blocks": ["0.0.0.0/0"]}]}), "rule of its own"),
            (
                "aws_vpc_security_group_ingress_rule",
                json!({"cidr_ipv4": "0.0.0.0/0", "from_port": 22}),
                "internet",
            ),
            (
                "aws_iam_role_policy_attachment",
                json!({"policy_arn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
                "administrator",
            ),
            ("aws_thing_of_tomorrow", json!({}), "no rule knows"),
        ];
        for (kind, values, word) in table {
            let found = judged(&json!([resource(kind, values)]));
            assert!(found.len() == 1 && found[0].contains(word), "{kind}: {word}: {found:?}");
        }
        let database = json!({"storage_encrypted": true, "kms_key_id": KEY, "performance_insights_kms_key_id": KEY, "publicly_accessible": true,
            "multi_az": true, "backup_retention_period": 1, "deletion_protection": false, "skip_final_snapshot": true, "password": "x"});
        assert_eq!(judged(&json!([resource("aws_db_instance", database)])).len(), 5);
        let bucket = json!({"bucket": "b", "id": "b", "force_destroy": true});
        assert_eq!(
            judged(&json!([resource("aws_s3_bucket", bucket)])).len(),
            4,
            "encryption, public access, policy, force_destroy"
        );
    }
}
