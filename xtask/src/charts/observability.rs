//! Dashboards, and alerts on logs: whether what they ask for is measured and logged, and whether somebody is told what to do.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::helm::Texts;
use super::{Renders, metrics, policy, yaml};
use crate::repository;

const LOG_ALERTS: &str = "helm/platform-core/files/log-alerts.yaml";
/// The label by which Grafana's sidecar finds dashboards.
const SHOWN: &str = "grafana_dashboard";

/// What is wrong with them.
pub(super) fn faults(root: &Path, renders: &Renders, cluster: &Texts) -> Result<Vec<String>> {
    let mut known = metrics::measured(root)?;
    known.extend(renders.values().flatten().flat_map(metrics::recorded));
    let logged = logged(root)?;
    let mut faults = Vec::new();
    let mut uids = BTreeSet::new();
    for ((_, environment), text) in cluster {
        let documents = yaml::documents(text)?;
        let shown = documents.iter().filter(|document| yaml::text(document, "kind") == "ConfigMap");
        let shown = shown.filter(|document| yaml::at(document, "metadata.labels").get(SHOWN).is_some());
        for text in shown.filter_map(|document| yaml::at(document, "data").as_object()).flatten() {
            let (file, Some(text)) = (text.0, text.1.as_str()) else { continue };
            let found = match serde_json::from_str(text) {
                Ok(dashboard) => {
                    let uid = (*environment, yaml::text(&dashboard, "uid").to_owned());
                    let mut found = of_dashboard(&dashboard, &known, &logged);
                    if !uids.insert(uid) {
                        found.push("has the uid of another one".to_owned());
                    }
                    found
                }
                Err(error) => vec![format!("is not JSON: {error}")],
            };
            faults.extend(found.into_iter().map(|fault| format!("{file} in {environment}: {fault}")));
        }
    }
    if uids.is_empty() {
        faults.push("no ConfigMap has a dashboard".to_owned());
    }
    let alerts = yaml::file(&root.join(LOG_ALERTS))?;
    for rule in yaml::list(&alerts, "groups").iter().flat_map(|group| yaml::list(group, "rules")) {
        let mut found = policy::alert(root, rule);
        found.extend(unlogged(yaml::text(rule, "expr"), &logged));
        faults.extend(found.into_iter().map(|fault| format!("{LOG_ALERTS}: {fault}")));
    }
    Ok(faults)
}

/// What is wrong with one dashboard.
fn of_dashboard(dashboard: &Value, known: &BTreeSet<String>, logged: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let variables = yaml::list(dashboard, "templating.list").iter();
    let sources: BTreeSet<String> = variables
        .filter(|variable| yaml::text(variable, "type") == "datasource")
        .map(|variable| format!("${{{}}}", yaml::text(variable, "name")))
        .collect();
    if yaml::text(dashboard, "uid").is_empty() {
        faults.push("has no uid".to_owned());
    }
    for panel in yaml::list(dashboard, "panels") {
        let title = yaml::text(panel, "title");
        let targets = yaml::list(panel, "targets");
        if yaml::text(panel, "type") != "row" && targets.is_empty() {
            faults.push(format!("{title:?} shows nothing"));
        }
        for target in targets {
            let expression = yaml::text(target, "expr");
            let source = yaml::text(target, "datasource.uid");
            if !sources.contains(source) {
                faults.push(format!("{title:?} asks {source:?}, which nobody can choose"));
            }
            let unknown = match yaml::text(target, "datasource.type") {
                "loki" => unlogged(expression, logged),
                _ => metrics::unknown(expression, known)
                    .into_iter()
                    .map(|metric| format!("{title:?} asks for {metric}, which nothing measures"))
                    .collect(),
            };
            faults.extend(unknown);
        }
    }
    faults
}

/// Texts that an expression searches logs for and no code has.
fn unlogged(expression: &str, logged: &str) -> Vec<String> {
    let texts = expression.split("|= \"").skip(1).filter_map(|rest| rest.split('"').next());
    let texts: Vec<&str> = texts.collect();
    if texts.is_empty() {
        return vec![format!("{expression} searches for nothing")];
    }
    let missing = texts.iter().filter(|text| !logged.contains(&format!("\"{text}\"")));
    missing.map(|text| format!("searches for {text:?}, which no service logs")).collect()
}

/// The code of services, in which the texts are that they log.
fn logged(root: &Path) -> Result<String> {
    let mut code = String::new();
    for file in repository::files(root)? {
        if file.starts_with("services/") && file.contains("/src/") && file.ends_with(".rs") {
            code += &fs::read_to_string(root.join(&file)).with_context(|| format!("cannot read {file}"))?;
        }
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_mistake_of_a_dashboard_is_found() {
        let known = ["a_total".to_owned()].into();
        let dashboard = |uid: &str, source: &str, kind: &str, expression: &str| {
            json!({"uid": uid, "templating": {"list": [{"type": "datasource", "name": "datasource"}]},
                "panels": [{"type": "row"}, {"type": "timeseries", "title": "t", "targets":
                    [{"expr": expression, "datasource": {"uid": source, "type": kind}}]}]})
        };
        let found = |dashboard: Value| of_dashboard(&dashboard, &known, "error!(\"it is late\")");
        let good = dashboard("u", "${datasource}", "prometheus", "sum(rate(a_total{b=\"c\"}[5m]))");
        assert_eq!(found(good), Vec::<String>::new());
        let good =
            dashboard("u", "${datasource}", "loki", "count_over_time({a=\"b\"} |= \"it is late\" [5m])");
        assert_eq!(found(good), Vec::<String>::new());
        let table = [
            (dashboard("", "${datasource}", "prometheus", "a_total"), "has no uid"),
            (dashboard("u", "prometheus", "prometheus", "a_total"), "nobody can choose"),
            (dashboard("u", "${datasource}", "prometheus", "a_count"), "asks for a_count"),
            (
                dashboard("u", "${datasource}", "loki", "count_over_time({a=\"b\"} |= \"it is early\" [5m])"),
                "no service logs",
            ),
            (json!({"uid": "u", "panels": [{"type": "timeseries", "title": "t"}]}), "shows nothing"),
        ];
        for (dashboard, word) in table {
            let found = found(dashboard);
            assert!(found.len() == 1 && found[0].contains(word), "{word}: {found:?}");
        }
    }
}
