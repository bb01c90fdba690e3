//! Whether what a chart may grow to fits into what its namespace allows: else a rollout hangs on the busiest day.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

use super::helm::Texts;
use super::{Renders, yaml};

/// What quotas count; all but pods per container.
const AMOUNTS: [&str; 4] = ["requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];

/// Namespaces that are too small.
pub(super) fn faults(renders: &Renders, cluster: &Texts) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for ((_, environment), text) in cluster {
        let documents = yaml::documents(text)?;
        for quota in documents.iter().filter(|document| yaml::text(document, "kind") == "ResourceQuota") {
            let namespace = yaml::text(quota, "metadata.namespace");
            let Some(charts) = renders.get(&(namespace.to_owned(), *environment)) else { continue };
            for (what, needed) in needs(charts)? {
                let hard =
                    yaml::at(quota, "spec.hard").get(&what).and_then(Value::as_str).unwrap_or_default();
                if amount(hard)? < needed {
                    faults.push(format!(
                        "{namespace} in {environment}: may have {hard} of {what}, and may need {needed}"
                    ));
                }
            }
        }
    }
    Ok(faults)
}

/// The most that all pods of a namespace ask for, while each of its workloads is being replaced.
fn needs(documents: &[Value]) -> Result<BTreeMap<String, f64>> {
    let mut needs = BTreeMap::new();
    for document in documents {
        let pod = match yaml::text(document, "kind") {
            "CronJob" => yaml::at(document, "spec.jobTemplate.spec.template.spec"),
            _ => yaml::at(document, "spec.template.spec"),
        };
        if !pod.is_object() {
            continue;
        }
        let pods = most(document, documents);
        *needs.entry("pods".to_owned()).or_default() += pods;
        for container in yaml::list(pod, "containers") {
            for what in AMOUNTS {
                let of_one = amount(yaml::text(container, &format!("resources.{what}")))?;
                *needs.entry(what.to_owned()).or_default() += of_one * pods;
            }
        }
    }
    Ok(needs)
}

/// How many pods one may have, with those that replace others.
fn most(document: &Value, all: &[Value]) -> f64 {
    if matches!(yaml::text(document, "kind"), "Job" | "CronJob") {
        return 1.0;
    }
    let name = yaml::text(document, "metadata.name");
    let scaler = all.iter().find(|other| yaml::text(other, "spec.scaleTargetRef.name") == name);
    let number = |value: &Value| value.as_f64().unwrap_or_default();
    let most = scaler.map_or(number(yaml::at(document, "spec.replicas")), |scaler| {
        number(yaml::at(scaler, "spec.maxReplicas")).max(number(yaml::at(scaler, "spec.maxReplicaCount")))
    });
    let surge = ["spec.strategy.rollingUpdate.maxSurge", "spec.strategy.canary.maxSurge"];
    most + surge.iter().map(|path| number(yaml::at(document, path))).fold(0.0, f64::max)
}

/// A quantity as a number: `500m` is 0.5, `1Gi` is 2³⁰.
fn amount(text: &str) -> Result<f64> {
    let units = [("m", 0.001), ("Mi", 1_048_576.0), ("Gi", 1_073_741_824.0), ("", 1.0)];
    let parsed = units.iter().find_map(|(unit, factor)| {
        let number: f64 = text.strip_suffix(unit)?.parse().ok()?;
        Some(number * factor)
    });
    parsed.with_context(|| format!("{text:?} is no quantity that charts use"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_namespace_may_need_is_held_against_its_quota() {
        let resources =
            json!({"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}});
        let deployment = json!({"kind": "Deployment", "metadata": {"name": "a"}, "spec": {
            "strategy": {"rollingUpdate": {"maxSurge": 1}}, "template": {"spec": {"containers": [{"resources": resources}]}}}});
        let scaler = json!({"kind": "HorizontalPodAutoscaler", "spec": {"scaleTargetRef": {"name": "a"}, "maxReplicas": 3}});
        let renders = [(("a".to_owned(), "dev"), vec![deployment, scaler])].into();
        let quota = "kind: ResourceQuota\nmetadata: {namespace: a}\nspec: {hard: {pods: '4', requests.cpu: '1', requests.memory: 1Gi, limits.cpu: '4', limits.memory: 3Gi}}";
        let found =
            faults(&renders, &[(("platform-core".to_owned(), "dev"), quota.to_owned())].into()).unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("may have 3Gi of limits.memory"));
    }
}
