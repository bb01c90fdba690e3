//! Metrics that alerts, scalers and dashboards ask for: one whose name is wrong is never above anything.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::{Renders, yaml};
use crate::repository;

/// What others measure: Kubernetes' objects by kube-state-metrics, containers by the nodes' own cAdvisor.
const OTHERS: [&str; 2] = ["kube_", "container_"];
/// Words of the query language that stand where a name could.
const WORDS: [&str; 13] = [
    "and",
    "or",
    "unless",
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "offset",
    "bool",
    "inf",
    "nan",
];

/// Metrics that nothing measures.
pub(super) fn faults(root: &Path, renders: &Renders) -> Result<Vec<String>> {
    let measured = measured(root)?;
    let mut faults = Vec::new();
    for ((service, environment), documents) in renders {
        for document in documents {
            let known: BTreeSet<String> = measured.iter().cloned().chain(recorded(document)).collect();
            for expression in expressions(document) {
                for metric in unknown(&expression, &known) {
                    let at = yaml::called(document);
                    faults.push(format!(
                        "{service} in {environment}: {at} asks for {metric}, which nothing measures"
                    ));
                }
            }
        }
    }
    Ok(faults)
}

/// Names in an expression that are none of `known`, and nobody else's.
pub(super) fn unknown(expression: &str, known: &BTreeSet<String>) -> Vec<String> {
    let asked = asked(expression).into_iter();
    asked
        .filter(|metric| !known.contains(metric) && !OTHERS.iter().any(|begin| metric.starts_with(begin)))
        .collect()
}

/// Expressions of a document: a rule's, a scaler's, a canary's.
fn expressions(document: &serde_json::Value) -> Vec<String> {
    let rules = rules(document).map(|rule| yaml::text(rule, "expr"));
    let triggers =
        yaml::list(document, "spec.triggers").iter().map(|trigger| yaml::text(trigger, "metadata.query"));
    let metrics = yaml::list(document, "spec.metrics").iter();
    let metrics = metrics.map(|metric| yaml::text(metric, "provider.prometheus.query"));
    rules.chain(triggers).chain(metrics).filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

fn rules(document: &serde_json::Value) -> impl Iterator<Item = &serde_json::Value> {
    yaml::list(document, "spec.groups").iter().flat_map(|group| yaml::list(group, "rules"))
}

/// Names that a document's own rules give to what they work out.
pub(super) fn recorded(document: &serde_json::Value) -> BTreeSet<String> {
    let names = rules(document).map(|rule| yaml::text(rule, "record"));
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Names of metrics in an expression: words that are no function, no label and no word of the language.
fn asked(expression: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut rest = expression;
    let mut word = "";
    while let Some(next) = rest.chars().next() {
        let length =
            rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':').unwrap_or(rest.len());
        if length == 0 {
            let skip = match next {
                '{' => rest.find('}').map_or(rest.len(), |at| at + 1),
                '[' => rest.find(']').map_or(rest.len(), |at| at + 1),
                // Labels, which stand behind a word of the language and not behind a function.
                '(' if WORDS.contains(&word) => rest.find(')').map_or(rest.len(), |at| at + 1),
                _ => next.len_utf8(),
            };
            // A selector or label list may be followed by anything, a blank by the labels of the word before.
            if next != ' ' {
                word = "";
            }
            rest = &rest[skip..];
            continue;
        }
        word = &rest[..length];
        rest = &rest[length..];
        let is_number = word.starts_with(|c: char| c.is_ascii_digit());
        // A function has its arguments, an aggregation perhaps its labels first.
        let behind = rest.trim_start();
        let is_function =
            behind.starts_with('(') || behind.starts_with("by ") || behind.starts_with("without ");
        if !is_number && !is_function && !WORDS.contains(&word) {
            names.insert(word.to_owned());
        }
    }
    names
}

/// Every name under which Prometheus gets an instrument of ours.
pub(super) fn measured(root: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for file in repository::files(root)? {
        let ours = file.starts_with("libs/") || file.starts_with("services/");
        if ours && file.contains("/src/") && file.ends_with(".rs") {
            let code = fs::read_to_string(root.join(&file)).with_context(|| format!("cannot read {file}"))?;
            names.extend(instruments(&code));
        }
    }
    Ok(names)
}

/// Names of what is counted, measured or shown, as the exporter writes them: with the unit, and the end of their kind.
fn instruments(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    // Whatever goes up and down is shown as a gauge is.
    let kinds: [(&str, &[&str]); 4] = [
        ("_up_down_counter(", &[""]),
        ("_counter(", &["_total"]),
        ("_gauge(", &[""]),
        ("_histogram(", &["_bucket", "_count", "_sum"]),
    ];
    for part in code.split(".build()") {
        let Some((at, begin, ends)) = kinds
            .iter()
            .filter_map(|(begin, ends)| part.rfind(begin).map(|at| (at, *begin, *ends)))
            .max_by_key(|(at, begin, _)| (at + begin.len(), begin.len()))
        else {
            continue;
        };
        let Some(text) = part[at + begin.len()..].trim_start().strip_prefix('"') else { continue };
        let Some((name, said)) = text.split_once('"') else { continue };
        let unit = said.split_once("with_unit(\"").and_then(|(_, unit)| unit.split_once('"'));
        let unit = match unit.map(|(unit, _)| unit) {
            Some("s") => "_seconds",
            Some("By") => "_bytes",
            _ => "",
        };
        names.extend(ends.iter().map(|end| format!("{}{unit}{end}", name.replace('.', "_"))));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_the_exporter_writes() {
        let code = r#"let a = meter.u64_counter("due.runs").build(); say("x");
            m.f64_histogram(
              "rpc.server.duration",
            ).with_unit("s").build(),
            m.i64_up_down_counter("a.stalled").build(), m.u64_observable_gauge("b.lag").with_description("s").build(),
            m.u64_counter("c.read").with_unit("By").build()"#;
        let names = [
            "a_stalled",
            "b_lag",
            "c_read_bytes_total",
            "due_runs_total",
            "rpc_server_duration_seconds_bucket",
            "rpc_server_duration_seconds_count",
            "rpc_server_duration_seconds_sum",
        ];
        assert_eq!(instruments(code), names.map(str::to_owned).into());
    }

    #[test]
    fn names_are_found_in_expressions() {
        let table: [(&str, &[&str]); 5] = [
            ("100 * sum(rate(a_count{x=\"y\"}[5m])) / max(b{})", &["a_count", "b"]),
            ("sum by (c, d) (increase(e[15m])) > 0 or f unless on (g) h offset 15m", &["e", "f", "h"]),
            ("i:j:ratio{window=\"1h\"} > 14.4 * (100 - 99.9) / 100 and ignoring (k) l", &["i:j:ratio", "l"]),
            ("time() - max by (m) (n{}) > 1e5", &["n"]),
            ("histogram_quantile(0.99, sum(rate(o_bucket[5m])) by (le))", &["o_bucket"]),
        ];
        for (expression, names) in table {
            assert_eq!(
                asked(expression),
                names.iter().map(|name| (*name).to_owned()).collect(),
                "{expression}"
            );
        }
    }
}
