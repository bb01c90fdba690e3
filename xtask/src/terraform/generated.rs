//! What is written by a program and committed, and what must be the same in several places.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use topology::{Purpose, Topology};

use super::{access, readme};

const TOPOLOGY: &str = "terraform/modules/topology/topology.json";
const MODULES: &str = "terraform/modules";
/// Environments differ in main.tf and backend.hcl, which are data; these are the same in each.
const SAME: [&str; 3] = ["versions.tf", "outputs.tf", "tests/env.tftest.hcl"];
const ENVIRONMENTS: [&str; 3] = ["dev", "staging", "prod"];
const FILES: [&str; 5] = ["main.tf", "variables.tf", "outputs.tf", "versions.tf", "README.md"];

/// Writes them.
pub(crate) fn update(root: &Path) -> Result<()> {
    let mut faults = Vec::new();
    for (file, text) in files(root, &mut faults)? {
        if fs::read_to_string(&file).ok().as_ref() != Some(&text) {
            fs::write(&file, &text).with_context(|| format!("cannot write {}", file.display()))?;
            say!("{}", file.strip_prefix(root).unwrap_or(&file).display());
        }
    }
    Ok(())
}

/// What of them is not as it should be. Needs no Terraform and takes milliseconds.
pub(crate) fn faults(root: &Path) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for (file, text) in files(root, &mut faults)? {
        if fs::read_to_string(&file).ok().as_ref() != Some(&text) {
            let file = file.strip_prefix(root).unwrap_or(&file).display().to_string();
            faults.push(format!("{file}: is not what it is made from; cargo xtask terraform --update"));
        }
    }
    for module in modules(root)? {
        for file in FILES.iter().filter(|file| !module.join(file).is_file()) {
            faults.push(format!("{}: has no {file}", module.strip_prefix(root).unwrap_or(&module).display()));
        }
    }
    let environments = root.join("terraform/envs");
    for file in SAME {
        let first = fs::read_to_string(environments.join(ENVIRONMENTS[0]).join(file))?;
        for environment in &ENVIRONMENTS[1..] {
            if fs::read_to_string(environments.join(environment).join(file)).ok().as_ref() != Some(&first) {
                faults.push(format!(
                    "terraform/envs/{environment}/{file}: differs from {}'s; environments differ in main.tf and backend.hcl only",
                    ENVIRONMENTS[0]
                ));
            }
        }
    }
    faults.extend(access::faults(root, Topology::get())?);
    Ok(faults)
}

/// Every generated file with its text.
fn files(root: &Path, faults: &mut Vec<String>) -> Result<Vec<(PathBuf, String)>> {
    let mut files = vec![(root.join(TOPOLOGY), topology(Topology::get())?)];
    for module in modules(root)? {
        let (text, wrong) = readme::render(&module)?;
        faults.extend(wrong);
        files.push((module.join("README.md"), text));
    }
    Ok(files)
}

fn modules(root: &Path) -> Result<Vec<PathBuf>> {
    let mut modules = Vec::new();
    for entry in fs::read_dir(root.join(MODULES)).with_context(|| format!("cannot list {MODULES}"))? {
        let path = entry?.path();
        // What Terraform leaves in a folder after a module was removed is no module.
        if path.join("main.tf").is_file() {
            modules.push(path);
        }
    }
    modules.sort();
    Ok(modules)
}

/// The list of topics, queues and buckets as Terraform reads it.
fn topology(list: &Topology) -> Result<String> {
    let topics: Vec<Value> = list
        .topics
        .iter()
        .map(|t| json!({"name": t.name, "partitions": t.partitions, "retention_days": t.retention_days}))
        .collect();
    let queues: Vec<Value> = list
        .queues
        .iter()
        .map(|q| {
            json!({"name": q.name, "visibility_seconds": q.visibility_seconds, "max_receive_count": q.max_receive_count,
                "retention_days": q.retention_days})
        })
        .collect();
    let buckets: Vec<Value> = list
        .buckets
        .iter()
        .map(|b| {
            json!({"name": b.name, "purpose": purpose(b.purpose), "versioned": b.versioned,
                "object_lock": b.object_lock, "cors": b.cors})
        })
        .collect();
    let list = json!({"topics": topics, "queues": queues, "buckets": buckets});
    Ok(format!("{}\n", serde_json::to_string_pretty(&list)?))
}

/// A purpose as it is written in the list.
pub(super) fn purpose(purpose: Purpose) -> String {
    format!("{purpose:?}").to_lowercase()
}
