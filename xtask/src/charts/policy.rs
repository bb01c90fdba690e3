//! What must hold of everything that a service's chart makes, in every environment.

mod pods;
mod rest;

use std::path::Path;

use anyhow::Result;
use serde_json::Value;

pub(super) use self::rest::alert;
use super::helm::Texts;
use super::{Renders, yaml};

/// What breaks a rule: `<service> in <environment>: <object>: <what must hold>`.
pub(super) fn faults(root: &Path, renders: &Renders) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for ((service, environment), documents) in renders {
        let found = of(root, service, documents);
        faults.extend(found.into_iter().map(|fault| format!("{service} in {environment}: {fault}")));
        // What is tried out need not survive a node, what people rely on does.
        if *environment == "prod" {
            let least = if service == "worker" { 2 } else { 3 };
            faults.extend(few(documents, least).map(|fault| format!("{service} in prod: {fault}")));
        }
    }
    Ok(faults)
}

/// The same for pods that the cluster's charts make by themselves; those of components are their charts'.
pub(super) fn cluster_faults(cluster: &Texts) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for ((chart, environment), text) in cluster {
        for document in yaml::documents(text)? {
            let found = pods::faults(&document);
            let at = format!("{chart} in {environment}: {}", yaml::called(&document));
            faults.extend(found.into_iter().map(|fault| format!("{at}: {fault}")));
        }
    }
    Ok(faults)
}

/// What breaks a rule that does not depend on the environment.
fn of(root: &Path, service: &str, documents: &[Value]) -> Vec<String> {
    let mut faults = Vec::new();
    for document in documents {
        let mut found: Vec<String> = Vec::new();
        found.extend(pods::faults(document));
        found.extend(rest::faults(root, service, document, documents));
        faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", yaml::called(document))));
    }
    let denies = |document: &Value| {
        yaml::text(document, "kind") == "NetworkPolicy"
            && yaml::at(document, "spec.podSelector").as_object().is_some_and(serde_json::Map::is_empty)
            && yaml::list(document, "spec.policyTypes").len() == 2
            && yaml::list(document, "spec.ingress").is_empty()
            && yaml::list(document, "spec.egress").is_empty()
    };
    if !documents.iter().any(denies) {
        faults.push("no NetworkPolicy refuses what nobody has allowed".to_owned());
    }
    faults
}

/// Scalers that may go below what a zone's loss leaves.
fn few(documents: &[Value], least: u64) -> impl Iterator<Item = String> {
    documents.iter().filter_map(move |document| {
        let path = match yaml::text(document, "kind") {
            "HorizontalPodAutoscaler" => "spec.minReplicas",
            "ScaledObject" => "spec.minReplicaCount",
            _ => return None,
        };
        let min = yaml::at(document, path).as_u64().unwrap_or_default();
        (min < least)
            .then(|| format!("{}: has {min} pods at least, and must have {least}", yaml::called(document)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths;
    use serde_json::json;

    /// A committed render with one value replaced, or taken away.
    fn judged(kind: &str, pointer: &str, value: &Value) -> Vec<String> {
        // What production's render does not have is in another one.
        let file = if kind == "CronJob" { "dev/payment" } else { "prod/document" };
        let golden = paths::root().join(format!("helm/tests/golden/{file}.yaml"));
        let service = file.rsplit('/').next().unwrap();
        let mut documents = yaml::documents(&std::fs::read_to_string(golden).unwrap()).unwrap();
        let document = documents.iter_mut().rfind(|document| yaml::text(document, "kind") == kind).unwrap();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let key = &key.replace("~1", "/");
        match document.pointer_mut(parent).unwrap() {
            Value::Array(list) => list[key.parse::<usize>().unwrap()] = value.clone(),
            Value::Object(map) if value.is_null() => drop(map.remove(key)),
            Value::Object(map) => drop(map.insert(key.clone(), value.clone())),
            _ => panic!("{pointer} leads nowhere"),
        }
        of(&paths::root(), service, &documents)
    }

    #[test]
    fn what_is_committed_breaks_no_rule() {
        assert_eq!(judged("ConfigMap", "/kind", &json!("ConfigMap")), Vec::<String>::new());
    }

    #[test]
    fn each_rule_finds_its_fault() {
        let pod = "/spec/template/spec";
        let container = "/spec/template/spec/containers/0";
        let table = [
            ("Deployment", format!("{pod}/securityContext/runAsNonRoot"), json!(false), "nonroot"),
            ("Deployment", format!("{pod}/securityContext/seccompProfile"), json!(null), "seccomp"),
            ("Deployment", format!("{pod}/automountServiceAccountToken"), json!(null), "token"),
            ("Deployment", format!("{pod}/hostNetwork"), json!(true), "hostNetwork"),
            (
                "Deployment",
                format!("{pod}/volumes/0"),
                json!({"name": "tmp", "hostPath": {"path": "/"}}),
                "hostPath",
            ),
            (
                "Deployment",
                format!("{container}/securityContext/readOnlyRootFilesystem"),
                json!(false),
                "read-only",
            ),
            (
                "Deployment",
                format!("{container}/securityContext/capabilities/drop"),
                json!(["NET_RAW"]),
                "capabilities",
            ),
            (
                "Deployment",
                format!("{container}/securityContext/allowPrivilegeEscalation"),
                json!(null),
                "escalation",
            ),
            ("Deployment", format!("{container}/image"), json!("document:latest"), "digest"),
            ("Deployment", format!("{container}/resources/limits/memory"), json!(null), "limits.memory"),
            ("Deployment", format!("{container}/resources/requests"), json!(null), "requests.cpu"),
            ("Deployment", format!("{container}/livenessProbe"), json!(null), "livenessProbe"),
            ("Deployment", format!("{container}/lifecycle"), json!(null), "leaving"),
            ("Deployment", format!("{pod}/topologySpreadConstraints"), json!(null), "zones"),
            ("Deployment", "/spec/replicas".to_owned(), json!(3), "replicas"),
            (
                "Deployment",
                "/spec/strategy/rollingUpdate/maxUnavailable".to_owned(),
                json!(1),
                "maxUnavailable",
            ),
            (
                "Deployment",
                "/spec/template/metadata/annotations/checksum~1settings".to_owned(),
                json!(null),
                "checksum",
            ),
            (
                "Deployment",
                "/metadata/annotations/argocd.argoproj.io~1sync-wave".to_owned(),
                json!("0"),
                "wave",
            ),
            ("Deployment", "/metadata/namespace".to_owned(), json!("default"), "namespace"),
            ("Job", "/spec/activeDeadlineSeconds".to_owned(), json!(null), "deadline"),
            (
                "Job",
                "/metadata/annotations/argocd.argoproj.io~1hook".to_owned(),
                json!("PreSync"),
                "Sync hook",
            ),
            (
                "HorizontalPodAutoscaler",
                "/spec/scaleTargetRef/name".to_owned(),
                json!("documents"),
                "scales nothing",
            ),
            (
                "PodDisruptionBudget",
                "/spec/selector/matchLabels".to_owned(),
                json!({"a": "b"}),
                "selects nothing",
            ),
            ("Service", "/spec/selector".to_owned(), json!({"a": "b"}), "selects nothing"),
            ("ServiceMonitor", "/spec/selector/matchLabels".to_owned(), json!({"a": "b"}), "selects nothing"),
            ("ConfigMap", "/data/DOCUMENT__S3__SECRET_ACCESS_KEY".to_owned(), json!("x"), "secret"),
            (
                "PrometheusRule",
                "/spec/groups/0/rules/0/labels/severity".to_owned(),
                json!("page"),
                "severity",
            ),
            (
                "PrometheusRule",
                "/spec/groups/0/rules/0/annotations/runbook_url".to_owned(),
                json!("x/none.md"),
                "runbook",
            ),
            (
                "PrometheusRule",
                "/spec/groups/0/rules/0/annotations/runbook_url".to_owned(),
                json!("x/incident.md#nowhere"),
                "runbook",
            ),
            ("CronJob", format!("/spec/jobTemplate{container}/image"), json!("x:latest"), "digest"),
        ];
        for (kind, pointer, value, word) in table {
            let found = judged(kind, &pointer, &value);
            assert!(found.iter().any(|fault| fault.contains(word)), "{kind}{pointer}: {word}: {found:?}");
        }
    }
}
