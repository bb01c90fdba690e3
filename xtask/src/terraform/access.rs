//! `modules/access/access.json`, which says who may do what, against the list of topics, queues and buckets, and against
//! the variables that services are given.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use topology::Topology;

use super::generated::purpose;

const FILE: &str = "terraform/modules/access/access.json";
/// The settings that each service is given in development; a test of the stack keeps it complete.
const EXAMPLE: &str = ".env.example";
/// Given by Terraform's contract beside secrets, by what a service uses.
const BY_USE: [(&str, &[&str]); 3] =
    [("topics", &["KAFKA__BROKERS"]), ("queues", &["SQS__REGION"]), ("buckets", &["S3__REGION"])];
/// In development only: servers that are not AWS's, and keys where roles are used otherwise.
pub(crate) const LOCAL: [&str; 7] = [
    "S3__ACCESS_KEY_ID",
    "S3__ENDPOINT",
    "S3__PUBLIC_ENDPOINT",
    "S3__SECRET_ACCESS_KEY",
    "SQS__ACCESS_KEY_ID",
    "SQS__ENDPOINT",
    "SQS__SECRET_ACCESS_KEY",
];

/// What one service may do, and is told.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Service {
    queues: BTreeMap<String, BTreeSet<String>>,
    buckets: BTreeMap<String, BTreeSet<String>>,
    topics: BTreeMap<String, BTreeSet<String>>,
    #[serde(rename = "groups")]
    _groups: BTreeSet<String>,
    secrets: BTreeMap<String, serde_json::Value>,
    /// Variables that charts set by themselves: ports, names inside the cluster, the identity provider.
    chart: BTreeSet<String>,
}

impl Service {
    /// Variables that carry secrets, without the service's prefix.
    pub(super) fn secret_names(&self) -> impl Iterator<Item = &str> {
        self.secrets.keys().map(String::as_str)
    }
}

/// By service.
pub(super) fn read(root: &Path) -> Result<BTreeMap<String, Service>> {
    let text = fs::read_to_string(root.join(FILE)).with_context(|| format!("cannot read {FILE}"))?;
    serde_json::from_str(&text).with_context(|| format!("{FILE} has another shape"))
}

/// What does not fit.
pub(super) fn faults(root: &Path, list: &Topology) -> Result<Vec<String>> {
    let services = read(root)?;
    let mut faults = uses(&services, list);
    let example = fs::read_to_string(root.join(EXAMPLE)).with_context(|| format!("cannot read {EXAMPLE}"))?;
    faults.extend(variables(&services, &example));
    Ok(faults)
}

/// Every queue has a sender and a receiver, every topic a writer and a reader, every bucket somebody; nothing else is
/// named.
fn uses(services: &BTreeMap<String, Service>, list: &Topology) -> Vec<String> {
    let mut faults = Vec::new();
    let mut compare = |what: &str,
                       listed: BTreeSet<String>,
                       needed: &[&str],
                       of: fn(&Service) -> &BTreeMap<String, BTreeSet<String>>| {
        let mut used: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (name, how) in services.values().flat_map(of) {
            used.entry(name).or_default().extend(how.iter().map(String::as_str));
        }
        for name in &listed {
            let how = used.get(name.as_str()).cloned().unwrap_or_default();
            for need in needed.iter().filter(|need| !how.contains(*need)) {
                faults.push(format!("{FILE}: no service may {need} {what} {name} of proto/topology.toml"));
            }
            if how.is_empty() && needed.is_empty() {
                faults.push(format!("{FILE}: no service uses {what} {name} of proto/topology.toml"));
            }
        }
        for name in used.keys().filter(|name| !listed.contains(**name)) {
            faults.push(format!("{FILE}: {what} {name} is not in proto/topology.toml"));
        }
    };
    compare("queue", list.queues.iter().map(|q| q.name.clone()).collect(), &["send", "receive"], |s| {
        &s.queues
    });
    compare("topic", list.topics.iter().map(|t| t.name.clone()).collect(), &["read", "write"], |s| &s.topics);
    compare("bucket", list.buckets.iter().map(|b| purpose(b.purpose)).collect(), &[], |s| &s.buckets);
    faults
}

/// Every variable of a service comes from somewhere: Terraform's settings or secrets, or the chart.
fn variables(services: &BTreeMap<String, Service>, example: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, service) in services {
        let prefix = format!("{}__", name.to_uppercase());
        let given = example.lines().filter_map(|line| line.strip_prefix(&prefix)?.split('=').next());
        let given: BTreeSet<&str> = given.collect();
        if given.is_empty() {
            faults.push(format!("{FILE}: {name} has no variables in {EXAMPLE}"));
        }
        let by_use = BY_USE.iter().filter(|(what, _)| match *what {
            "topics" => !service.topics.is_empty(),
            "queues" => !service.queues.is_empty(),
            _ => !service.buckets.is_empty(),
        });
        let buckets = service.buckets.keys().map(|purpose| format!("S3__{}_BUCKET", purpose.to_uppercase()));
        let buckets: Vec<String> = buckets.collect();
        let mut known: BTreeSet<&str> = by_use.flat_map(|(_, variables)| variables.iter().copied()).collect();
        known.extend(LOCAL);
        known.extend(buckets.iter().map(String::as_str));
        known.extend(service.secrets.keys().map(String::as_str));
        known.extend(service.chart.iter().map(String::as_str));
        if name == "bff" {
            known.insert("HTTP__UPLOAD_ORIGIN");
        }
        for variable in given.difference(&known) {
            faults.push(format!(
                "{FILE}: {prefix}{variable} comes from nowhere: add it to `secrets` or `chart`"
            ));
        }
        for variable in service.secrets.keys().filter(|variable| !given.contains(variable.as_str())) {
            faults.push(format!("{FILE}: {prefix}{variable} is a secret that no service reads ({EXAMPLE})"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(json: &str) -> BTreeMap<String, Service> {
        let common = r#""groups": [], "chart": ["ADMIN__ADDR"]"#;
        serde_json::from_str(&format!("{{\"mailer\": {{{json}, {common}}}}}")).unwrap()
    }

    fn list() -> Topology {
        let toml = include_str!("../../../proto/topology.toml");
        let mut list = Topology::parse(toml).unwrap();
        list.queues.truncate(1);
        list.topics.truncate(1);
        list.buckets.truncate(1);
        list
    }

    #[test]
    fn a_queue_that_nobody_serves_and_one_that_is_not_there_are_named() {
        let services = service(
            r#""queues": {"guildhall-scan": ["send"], "gone": ["send"]}, "buckets": {"intake": ["read"]},
               "topics": {"guildhall.document.v1": ["read", "write"]}, "secrets": {}"#,
        );
        let faults = uses(&services, &list());
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].contains("no service may receive queue guildhall-scan"));
        assert!(faults[1].contains("queue gone is not in proto/topology.toml"));
    }

    #[test]
    fn a_variable_from_nowhere_and_a_secret_for_nobody_are_named() {
        let services = service(
            r#""queues": {}, "buckets": {}, "topics": {}, "secrets": {"SMTP__URL": {}, "OLD__URL": {}}"#,
        );
        let faults = variables(
            &services,
            "MAILER__ADMIN__ADDR=a\nMAILER__SMTP__URL=b\nMAILER__NEW__TOKEN=c\nOTHER__X=d\n",
        );
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].contains("MAILER__NEW__TOKEN comes from nowhere"));
        assert!(faults[1].contains("MAILER__OLD__URL is a secret that no service reads"));
    }
}
