//! What Terraform tells the charts: its shape, and that everything of proto/topology.toml is in it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use topology::Topology;

use super::generated::purpose;
use super::plan::{State, Terraform};
use super::{OutputArgs, access};
use crate::paths;

mod schema;

const SCHEMA: &str = "terraform/contract.schema.json";

/// What is wrong with the contract of an environment, and with what was made for the list of topics, queues and buckets.
pub(super) fn faults(root: &Path, state: &State) -> Result<Vec<String>> {
    let contract = state.output("contract");
    let mut faults = schema::faults(&read_schema(root)?, contract);
    faults.extend(listed(root, contract)?);
    faults.extend(made_once(state));
    Ok(faults)
}

/// `cargo xtask tf-outputs <environment>`: the contract of an environment that exists, checked, as JSON.
pub(crate) fn outputs(args: &OutputArgs) -> Result<ExitCode> {
    let root = paths::root();
    let folder = root.join("terraform/envs").join(&args.environment);
    if !folder.is_dir() {
        bail!("terraform/envs has no {:?}", args.environment);
    }
    let contract = Terraform::find()?.real_output(&folder, "contract")?;
    let faults = schema::faults(&read_schema(&root)?, &contract);
    if !faults.is_empty() {
        bail!("the contract is not as {SCHEMA} says; apply this version first:\n{}", faults.join("\n"));
    }
    say!("{}", serde_json::to_string_pretty(&contract)?);
    Ok(ExitCode::SUCCESS)
}

fn read_schema(root: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(root.join(SCHEMA)).with_context(|| format!("cannot read {SCHEMA}"))?;
    serde_json::from_str(&text).with_context(|| format!("{SCHEMA} is not JSON"))
}

/// Everything that code knows by name is in the contract, and each service has its role and secrets.
fn listed(root: &Path, contract: &Value) -> Result<Vec<String>> {
    let list = Topology::get();
    let keys = |path: &str| -> BTreeSet<String> {
        let object = contract.pointer(path).and_then(Value::as_object);
        object.into_iter().flatten().map(|(key, _)| key.clone()).collect()
    };
    let mut faults = Vec::new();
    let mut same = |what: &str, path: &str, wanted: BTreeSet<String>| {
        let there = keys(path);
        if there != wanted {
            faults.push(format!("contract{path}: {what} are {wanted:?}, and it has {there:?}"));
        }
    };
    same("queues", "/queues", list.queues.iter().map(|queue| queue.name.clone()).collect());
    same("topics", "/bootstrap/topics", list.topics.iter().map(|topic| topic.name.clone()).collect());
    same("buckets", "/buckets", list.buckets.iter().map(|bucket| purpose(bucket.purpose)).collect());
    let services = access::read(root)?;
    same("services", "/services", services.keys().cloned().collect());
    for (name, service) in &services {
        let secrets =
            service.secret_names().map(|variable| format!("{}__{variable}", name.to_uppercase())).collect();
        same("secrets", &format!("/services/{name}/secrets"), secrets);
    }
    Ok(faults)
}

/// Every queue and bucket of the list is made by one resource.
fn made_once(state: &State) -> Vec<String> {
    let list = Topology::get();
    let contract = state.output("contract");
    let resources = state.resources();
    let mut faults = Vec::new();
    let mut once = |kind: &str, attribute: &str, name: &str| {
        let of = |resource: &&&super::plan::Resource| {
            resource.kind == kind && resource.values.get(attribute).and_then(Value::as_str) == Some(name)
        };
        let made = resources.iter().filter(of).count();
        if made != 1 {
            faults.push(format!("{kind} {name}: made {made} times, and must be once"));
        }
    };
    for queue in &list.queues {
        let name = contract.get("queues").and_then(|queues| queues.get(&queue.name)).and_then(Value::as_str);
        once("aws_sqs_queue", "name", name.unwrap_or(&queue.name));
        once("aws_sqs_queue", "name", &format!("{}-dlq", name.unwrap_or(&queue.name)));
    }
    for bucket in &list.buckets {
        let key = purpose(bucket.purpose);
        let name = contract.get("buckets").and_then(|buckets| buckets.get(&key)).and_then(Value::as_str);
        once("aws_s3_bucket", "bucket", name.unwrap_or(&bucket.name));
    }
    faults
}
