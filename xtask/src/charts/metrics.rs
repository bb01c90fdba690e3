//! Metrics that alerts and scalers ask for: one whose name is wrong is never above anything.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::{Renders, yaml};
use crate::repository;

/// Kubernetes' own, by kube-state-metrics.
const KUBERNETES: &str = "kube_";
/// What Prometheus puts behind the name of an instrument: its unit, its kind, the parts of a histogram.
const ENDS: [&str; 7] =
    ["", "_total", "_seconds", "_seconds_count", "_seconds_sum", "_seconds_bucket", "_bytes_total"];

/// Metrics that nothing measures.
pub(super) fn faults(root: &Path, renders: &Renders) -> Result<Vec<String>> {
    let measured = measured(root)?;
    let mut faults = Vec::new();
    for ((service, environment), documents) in renders {
        for document in documents {
            for expression in expressions(document) {
                for metric in asked(&expression) {
                    let known = metric.starts_with(KUBERNETES) || measured.contains(metric);
                    if !known {
                        let at = yaml::called(document);
                        faults.push(format!(
                            "{service} in {environment}: {at} asks for {metric}, which nothing measures"
                        ));
                    }
                }
            }
        }
    }
    Ok(faults)
}

/// Expressions of a document: an alert's, a scaler's, a canary's.
fn expressions(document: &serde_json::Value) -> Vec<String> {
    let rules = yaml::list(document, "spec.groups").iter().flat_map(|group| yaml::list(group, "rules"));
    let rules = rules.map(|rule| yaml::text(rule, "expr"));
    let triggers =
        yaml::list(document, "spec.triggers").iter().map(|trigger| yaml::text(trigger, "metadata.query"));
    let metrics = yaml::list(document, "spec.metrics").iter();
    let metrics = metrics.map(|metric| yaml::text(metric, "provider.prometheus.query"));
    rules.chain(triggers).chain(metrics).filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

/// Names before a selector.
fn asked(expression: &str) -> BTreeSet<&str> {
    let ends = expression.match_indices('{').map(|(at, _)| &expression[..at]);
    ends.map(|before| {
        let begin = before.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |at| at + 1);
        &before[begin..]
    })
    .collect()
}

/// Every name that an instrument of ours may have at Prometheus.
fn measured(root: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for file in repository::files(root)? {
        let ours = file.starts_with("libs/") || file.starts_with("services/");
        if ours && file.contains("/src/") && file.ends_with(".rs") {
            let code = fs::read_to_string(root.join(&file)).with_context(|| format!("cannot read {file}"))?;
            for name in instruments(&code) {
                names.extend(ENDS.map(|end| format!("{}{end}", name.replace('.', "_"))));
            }
        }
    }
    Ok(names)
}

/// Names of what is counted, measured or shown.
fn instruments(code: &str) -> Vec<&str> {
    let parts: Vec<&str> = code.split('"').collect();
    let pairs = parts.windows(2).step_by(2);
    let made = ["_counter(", "_histogram(", "_gauge("];
    pairs
        .filter(|pair| made.iter().any(|end| pair[0].trim_end().ends_with(end)))
        .map(|pair| pair[1])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_code_and_in_expressions() {
        let code = "let a = meter.u64_counter(\"due.runs\").build(); say(\"x\");\nm.f64_histogram(\n  \"rpc.server.duration\")";
        assert_eq!(instruments(code), ["due.runs", "rpc.server.duration"]);
        let expression = "100 * sum(rate(a_count{x=\"y\"}[5m])) / max(b{})";
        assert_eq!(asked(expression), ["a_count", "b"].into());
    }
}
