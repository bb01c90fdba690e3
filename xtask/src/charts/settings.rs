//! Which settings a service has, read from the code that loads them, and that charts name no others: `serve` would end with
//! "is not a setting", and that only in a cluster.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use super::helm::Texts;
use super::{Renders, yaml};
use crate::terraform;

/// What services are given on a developer's machine.
const EXAMPLE: &str = ".env.example";
/// There and nowhere else: short patience with a provider, to see what comes of one that does not answer.
const PATIENCE: &str = "PROVIDERS__PATIENCE_SECONDS";

/// The Job that is no service.
const BOOTSTRAP: &str = "bootstrap";

/// The full names of a service's settings, or of the Job's.
pub(super) fn of(root: &Path, service: &str) -> Result<BTreeSet<String>> {
    let folder =
        if service == BOOTSTRAP { root.join(BOOTSTRAP) } else { root.join("services").join(service) };
    let source = folder.join("src");
    let config = read(&source.join("config.rs"))?;
    let mut names = literals(&config);
    for path in loaders(&config) {
        for file in sources(root, &source, &path)? {
            names.extend(literals(&read(&file)?));
        }
    }
    Ok(names.into_iter().map(|name| format!("{}__{name}", service.to_uppercase())).collect())
}

/// Code without its tests.
fn read(file: &Path) -> Result<String> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(text.split("#[cfg(test)]").next().unwrap_or_default().to_owned())
}

/// `kafka` of `kafka::Settings::load(env)`, `service::grpc` of `service::grpc::Settings::load(env)`.
fn loaders(code: &str) -> BTreeSet<String> {
    let ends = code.match_indices("::Settings::load").map(|(at, _)| &code[..at]);
    ends.map(|before| {
        let begin =
            before.rfind(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').map_or(0, |at| at + 1);
        before[begin..].to_owned()
    })
    .collect()
}

/// The files behind a path: a library, a module of one, or a module of the service.
fn sources(root: &Path, service: &Path, path: &str) -> Result<Vec<PathBuf>> {
    let (first, rest) = path.split_once("::").unwrap_or((path, ""));
    let library = root.join("libs").join(first).join("src");
    if !library.is_dir() {
        return Ok(vec![service.join(path.replace("::", "/")).with_extension("rs")]);
    }
    if !rest.is_empty() {
        return Ok(vec![library.join(rest.replace("::", "/")).with_extension("rs")]);
    }
    let mut files = Vec::new();
    let mut folders = vec![library];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    Ok(files)
}

/// Texts that are names of settings: `"DB__URL"`, and whatever is asked of `env` by a name without a section.
fn literals(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut before = "";
    for (number, part) in code.split('"').enumerate() {
        let is_text = number % 2 == 1;
        let is_name = !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        if is_text && is_name && (part.contains("__") || before.ends_with("env.var_with(")) {
            names.insert(part.to_owned());
        }
        before = part;
    }
    names
}

/// Variables that are no settings, and settings that a service is given on a developer's machine and not in a cluster.
pub(super) fn faults(root: &Path, renders: &Renders) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    let example = fs::read_to_string(root.join(EXAMPLE)).with_context(|| format!("cannot read {EXAMPLE}"))?;
    for ((service, environment), documents) in renders {
        let known = of(root, service)?;
        let mut given = BTreeSet::new();
        for document in documents {
            for name in variables(document) {
                given.insert(name.clone());
                if !known.contains(&name) {
                    let at = yaml::called(document);
                    faults.push(format!(
                        "{service} in {environment}: {at} sets {name}, which the service does not have"
                    ));
                }
            }
        }
        let prefix = format!("{}__", service.to_uppercase());
        let needed = example
            .lines()
            .filter(|line| line.starts_with(&prefix))
            .filter_map(|line| line.split('=').next());
        for name in needed.filter(|name| !given.contains(*name) && !is_local(&name[prefix.len()..])) {
            faults.push(format!(
                "{service} in {environment}: nothing sets {name}, which it has on a developer's machine"
            ));
        }
    }
    Ok(faults)
}

/// Variables of the cluster's own pods that neither the Job nor the service that they are named after has.
pub(super) fn cluster_faults(root: &Path, cluster: &Texts) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for ((chart, environment), text) in cluster {
        let documents = yaml::documents(text)?;
        let jobs = documents.iter().filter(|document| yaml::text(document, "kind") == "Job");
        for name in jobs.flat_map(variables) {
            let owner = name.split("__").next().unwrap_or_default().to_lowercase();
            if !of(root, &owner)?.contains(&name) {
                faults.push(format!("{chart} in {environment}: sets {name}, which {owner} does not have"));
            }
        }
    }
    Ok(faults)
}

/// Whether a setting is for servers of a developer's machine alone.
fn is_local(name: &str) -> bool {
    name == PATIENCE || terraform::LOCAL.contains(&name)
}

/// Names of variables that a document sets: a ConfigMap's, a pod's, a secret's.
fn variables(document: &Value) -> Vec<String> {
    match yaml::text(document, "kind") {
        "ConfigMap" => {
            let data = yaml::at(document, "data").as_object();
            data.into_iter().flatten().map(|(name, _)| name.clone()).collect()
        }
        "ExternalSecret" => {
            let data = yaml::list(document, "spec.data").iter();
            data.map(|entry| yaml::text(entry, "secretKey").to_owned()).collect()
        }
        _ => {
            let pods = ["spec.template.spec.containers", "spec.jobTemplate.spec.template.spec.containers"];
            let containers = pods.iter().flat_map(|path| yaml::list(document, path));
            let variables = containers.flat_map(|container| yaml::list(container, "env"));
            variables.map(|variable| yaml::text(variable, "name").to_owned()).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths;

    #[test]
    fn names_come_from_config_and_from_what_it_loads() {
        let code = "let kafka = kafka::Settings::load(env);\nlet a = service::admin::Settings::load(env);\n\
            let roles = env.var_with(\"ROLES\", roles);\nlet n = env.var(\"RETRY__DAYS\"); let text = \"NOT\";";
        assert_eq!(literals(code), ["RETRY__DAYS", "ROLES"].map(str::to_owned).into());
        assert_eq!(loaders(code), ["kafka", "service::admin"].map(str::to_owned).into());
    }

    #[test]
    fn what_services_are_given_on_this_machine_is_among_what_they_have() {
        let root = paths::root();
        let example = fs::read_to_string(root.join(".env.example")).unwrap();
        for service in super::super::services(&root).unwrap() {
            let known = of(&root, &service).unwrap();
            let prefix = format!("{}__", service.to_uppercase());
            let given = example.lines().filter(|line| line.starts_with(&prefix));
            for name in given.filter_map(|line| line.split('=').next()) {
                assert!(known.contains(name), "{name} of {service}");
            }
        }
    }
}
