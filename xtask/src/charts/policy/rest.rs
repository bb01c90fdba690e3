//! Everything but pods: order, scaling, selectors, settings, alerts.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::charts::yaml::{at, called, list, text};

const WAVE: &str = "argocd.argoproj.io/sync-wave";
/// Words in names of settings whose values nobody may read.
const SECRETS: [&str; 5] = ["SECRET", "PASSWORD", "SIGNING_KEY", "API_KEY", "__DB__URL"];

/// Whether a setting's value is secret, by its name.
pub(super) fn is_secret(name: &str) -> bool {
    SECRETS.iter().any(|word| name.contains(word))
}

/// What is wrong with a document among its fellows.
pub(super) fn faults(root: &Path, service: &str, document: &Value, all: &[Value]) -> Vec<String> {
    let mut faults = Vec::new();
    let kind = text(document, "kind");
    if text(document, "metadata.namespace") != service {
        faults.push(format!("must be in the namespace {service}"));
    }
    let wave = annotation(document, WAVE);
    if wave != wave_of(kind) {
        faults.push(format!("must be in wave {}, not {wave:?}", wave_of(kind)));
    }
    match kind {
        "Deployment" | "Rollout" => faults.extend(workload(document, all)),
        "Job" => faults.extend(job(document)),
        "HorizontalPodAutoscaler" | "ScaledObject" => faults.extend(scaler(document, all)),
        "PodDisruptionBudget" => {
            faults.extend(selects(
                at(document, "spec.selector.matchLabels"),
                all,
                "spec.template.metadata.labels",
            ));
        }
        "Service" => {
            faults.extend(selects(at(document, "spec.selector"), all, "spec.template.metadata.labels"));
        }
        "ServiceMonitor" => {
            faults.extend(selects(at(document, "spec.selector.matchLabels"), all, "metadata.labels"));
        }
        "ConfigMap" => {
            let names = at(document, "data").as_object().into_iter().flatten().map(|(name, _)| name);
            faults
                .extend(names.filter(|name| is_secret(name)).map(|name| format!("{name} must be a secret")));
        }
        "PrometheusRule" => faults.extend(alerts(root, document)),
        _ => {}
    }
    faults
}

/// What others need comes first, then the migration, then what runs.
fn wave_of(kind: &str) -> &'static str {
    match kind {
        "ServiceAccount"
        | "ConfigMap"
        | "ExternalSecret"
        | "NetworkPolicy"
        | "TriggerAuthentication"
        | "AnalysisTemplate"
        | "PeerAuthentication" => "-1",
        "Job" => "0",
        _ => "1",
    }
}

fn annotation<'v>(document: &'v Value, name: &str) -> &'v str {
    at(document, "metadata.annotations").get(name).and_then(Value::as_str).unwrap_or_default()
}

fn workload(document: &Value, all: &[Value]) -> Vec<String> {
    let mut faults = Vec::new();
    let name = text(document, "metadata.name");
    let scalers = all.iter().filter(|other| {
        matches!(text(other, "kind"), "HorizontalPodAutoscaler" | "ScaledObject")
            && text(other, "spec.scaleTargetRef.name") == name
    });
    match (scalers.count(), at(document, "spec.replicas").as_u64()) {
        (1, None) | (0, Some(_)) => {}
        (0, None) => faults.push("must have a scaler or replicas".to_owned()),
        (1, Some(_)) => faults.push("must not say replicas when something scales it".to_owned()),
        (_, _) => faults.push("must have one scaler".to_owned()),
    }
    let strategy = ["spec.strategy.rollingUpdate.maxUnavailable", "spec.strategy.canary.maxUnavailable"];
    if !strategy.iter().any(|path| at(document, path).as_u64() == Some(0)) {
        faults.push("must have maxUnavailable 0".to_owned());
    }
    if at(document, "spec.template.metadata.annotations").get("checksum/settings").is_none() {
        faults.push("must have a checksum of its settings".to_owned());
    }
    let labels = at(document, "spec.template.metadata.labels");
    let budgets = all.iter().filter(|other| text(other, "kind") == "PodDisruptionBudget");
    if budgets.filter(|budget| within(at(budget, "spec.selector.matchLabels"), labels)).count() != 1 {
        faults.push("must have one disruption budget".to_owned());
    }
    if !within(at(document, "spec.selector.matchLabels"), labels) {
        faults.push("must select its own pods".to_owned());
    }
    faults
}

fn job(document: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    if annotation(document, "argocd.argoproj.io/hook") != "Sync" {
        faults.push("must be a Sync hook: before the sync there are no settings yet".to_owned());
    }
    if annotation(document, "argocd.argoproj.io/hook-delete-policy") != "BeforeHookCreation" {
        faults.push("must be replaced by the next one, and kept until then".to_owned());
    }
    if !at(document, "spec.activeDeadlineSeconds").is_u64() {
        faults.push("must have a deadline: a hook that hangs holds up every sync after it".to_owned());
    }
    faults
}

fn scaler(document: &Value, all: &[Value]) -> Vec<String> {
    let target = ["kind", "name"].map(|key| text(document, &format!("spec.scaleTargetRef.{key}")));
    let found = all.iter().any(|other| called(other) == target.join(" "));
    if found { Vec::new() } else { vec![format!("scales nothing: there is no {}", target.join(" "))] }
}

/// A selector that matches no labels is a typo.
fn selects(selector: &Value, all: &[Value], labels: &str) -> Option<String> {
    let found = all.iter().any(|other| within(selector, at(other, labels)));
    (!found).then(|| "selects nothing".to_owned())
}

fn within(selector: &Value, labels: &Value) -> bool {
    let Some(selector) = selector.as_object() else { return false };
    !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// Whoever is woken has to be told what to do.
fn alerts(root: &Path, document: &Value) -> Vec<String> {
    let rules = list(document, "spec.groups").iter().flat_map(|group| list(group, "rules"));
    rules.filter(|rule| text(rule, "record").is_empty()).flat_map(|rule| alert(root, rule)).collect()
}

/// The same of one.
pub(in crate::charts) fn alert(root: &Path, rule: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let name = text(rule, "alert");
    if !matches!(text(rule, "labels.severity"), "critical" | "warning") {
        faults.push(format!("{name} must have a severity that somebody listens to"));
    }
    if text(rule, "annotations.summary").is_empty() {
        faults.push(format!("{name} must say what it is about"));
    }
    let runbook = text(rule, "annotations.runbook_url").rsplit('/').next().unwrap_or_default();
    let (file, place) = runbook.split_once('#').unwrap_or((runbook, ""));
    let is_there = !file.is_empty()
        && fs::read_to_string(root.join("docs/runbooks").join(file)).is_ok_and(|page| {
            place.is_empty() || page.lines().any(|line| anchor(line) == Some(place.to_owned()))
        });
    if !is_there {
        faults.push(format!("{name} must have a runbook that is there: {runbook:?}"));
    }
    faults
}

/// What a heading is linked by: `## By alert` by `by-alert`.
fn anchor(line: &str) -> Option<String> {
    let heading = line.strip_prefix('#')?.trim_start_matches('#').strip_prefix(' ')?;
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    Some(kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_linked_by_their_words() {
        assert_eq!(anchor("## \"a settlement is late\""), Some("a-settlement-is-late".to_owned()));
        assert_eq!(anchor("text"), None);
    }
}
