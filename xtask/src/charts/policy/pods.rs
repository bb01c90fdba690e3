//! Pods: what Kubernetes calls restricted, read-only, measured, and of an image that cannot be swapped.

use serde_json::Value;

use crate::charts::yaml::{at, list, text};

/// What a pod may share with its node: nothing.
const HOST: [&str; 3] = ["hostNetwork", "hostPID", "hostIPC"];
/// What a volume may be.
const VOLUMES: [&str; 4] = ["configMap", "emptyDir", "projected", "secret"];
/// Probes of what serves.
const PROBES: [&str; 3] = ["startupProbe", "livenessProbe", "readinessProbe"];
/// A service takes so long to end what it has in hand.
const DRAIN_SECONDS: u64 = 25;

/// What is wrong with the pods that a document makes.
pub(super) fn faults(document: &Value) -> Vec<String> {
    let kind = text(document, "kind");
    let template =
        if kind == "CronJob" { "spec.jobTemplate.spec.template.spec" } else { "spec.template.spec" };
    let pod = at(document, template);
    // Templates of other things have a spec too.
    if list(pod, "containers").is_empty() {
        return Vec::new();
    }
    let mut faults = Vec::new();
    let mut must = |holds: bool, what: &str| {
        if !holds {
            faults.push(what.to_owned());
        }
    };
    must(at(pod, "securityContext.runAsNonRoot") == &Value::Bool(true), "must run as nonroot");
    must(
        text(pod, "securityContext.seccompProfile.type") == "RuntimeDefault",
        "must have the runtime's seccomp profile",
    );
    must(
        at(pod, "automountServiceAccountToken") == &Value::Bool(false),
        "must not have a token of the API server",
    );
    for shared in HOST {
        must(at(pod, shared) != &Value::Bool(true), &format!("must not have {shared}"));
    }
    for volume in list(pod, "volumes") {
        let kinds = volume.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
        for kind in kinds.filter(|kind| *kind != "name" && !VOLUMES.contains(kind)) {
            must(false, &format!("must not have a volume of {kind}"));
        }
    }
    let containers = list(pod, "containers");
    for container in containers.iter().chain(list(pod, "initContainers")) {
        for what in container_faults(container) {
            must(false, &what);
        }
    }
    if !matches!(kind, "Job" | "CronJob") {
        for container in containers {
            for probe in PROBES {
                must(at(container, probe).is_object(), &format!("must have a {probe}"));
            }
        }
        let leaving = at(&containers[0], "lifecycle.preStop.sleep.seconds").as_u64();
        let grace = at(pod, "terminationGracePeriodSeconds").as_u64().unwrap_or(30);
        let room = leaving.is_some_and(|seconds| grace >= seconds + DRAIN_SECONDS);
        must(room, "must have time for callers to learn that it is leaving, and for what it has in hand");
        let spread = list(pod, "topologySpreadConstraints").iter();
        let mut keys = spread.map(|constraint| text(constraint, "topologyKey"));
        must(keys.any(|key| key == "topology.kubernetes.io/zone"), "must be spread over zones");
    }
    faults
}

fn container_faults(container: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let mut must = |holds: bool, what: String| {
        if !holds {
            faults.push(format!("container {} {what}", text(container, "name")));
        }
    };
    let security = at(container, "securityContext");
    must(at(security, "readOnlyRootFilesystem") == &Value::Bool(true), "must be read-only".to_owned());
    must(
        at(security, "allowPrivilegeEscalation") == &Value::Bool(false),
        "must refuse escalation of privileges".to_owned(),
    );
    must(at(security, "privileged") != &Value::Bool(true), "must not be privileged".to_owned());
    let dropped = list(security, "capabilities.drop").iter().any(|name| name == "ALL");
    must(dropped && list(security, "capabilities.add").is_empty(), "must drop all capabilities".to_owned());
    let (_, digest) = text(container, "image").split_once("@sha256:").unwrap_or_default();
    must(digest.len() == 64, "must name its image by digest".to_owned());
    for amount in ["requests.cpu", "requests.memory", "limits.cpu", "limits.memory"] {
        must(!text(container, &format!("resources.{amount}")).is_empty(), format!("must have {amount}"));
    }
    for variable in list(container, "env") {
        let name = text(variable, "name");
        let is_path = text(variable, "value").starts_with('/');
        let plain = variable.get("value").is_some() && !is_path;
        must(!(plain && super::rest::is_secret(name)), format!("must take {name} from a secret"));
    }
    faults
}
