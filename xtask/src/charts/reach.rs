//! Who reaches whom: both ends of a call have to allow it, what settings name has to be reachable, and no service that they do not
//! name may be.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Renders, yaml};

/// One call that a policy allows: from, to, port.
type Call = (String, String, u64);

/// The namespace's own name, by which policies select it.
const NAMESPACE: &str = "kubernetes.io/metadata.name";
const NAME: &str = "app.kubernetes.io/name";

/// What does not fit.
pub(super) fn faults(renders: &Renders) -> Vec<String> {
    let mut faults = Vec::new();
    let environments: BTreeSet<&str> = renders.keys().map(|(_, environment)| *environment).collect();
    for environment in environments {
        let services: Vec<(&String, &Vec<Value>)> = renders
            .iter()
            .filter(|((_, of), _)| *of == environment)
            .map(|((service, _), all)| (service, all))
            .collect();
        let names: BTreeSet<&str> = services.iter().map(|(service, _)| service.as_str()).collect();
        // A render of options shows one service alone.
        if names.len() < 2 {
            continue;
        }
        let (mut outs, mut ins, mut dependencies) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for (service, documents) in &services {
            outs.extend(out(service, documents).into_iter().filter(|(_, to, _)| names.contains(to.as_str())));
            ins.extend(
                into(service, documents).into_iter().filter(|(from, _, _)| names.contains(from.as_str())),
            );
            faults.extend(
                named(service, documents).map(|fault| format!("{service} in {environment}: {fault}")),
            );
            dependencies
                .extend(addresses(documents).map(|named| ((*service).clone(), named.namespace, named.port)));
        }
        for (from, to, port) in outs.iter().filter(|call| !dependencies.contains(call)) {
            faults.push(format!(
                "{environment}: {from} may call {to}:{port}, which none of its settings names"
            ));
        }
        for (from, to, port) in outs.difference(&ins) {
            faults.push(format!(
                "{environment}: {from} may call {to}:{port}, which does not let it in (network.callers)"
            ));
        }
        for (from, to, port) in ins.difference(&outs) {
            faults.push(format!(
                "{environment}: {to}:{port} lets {from} in, which may not call it (network.egress)"
            ));
        }
    }
    faults
}

fn policies(documents: &[Value]) -> impl Iterator<Item = &Value> {
    documents.iter().filter(|document| yaml::text(document, "kind") == "NetworkPolicy")
}

/// The label of a peer's namespace or pods.
fn label<'v>(peer: &'v Value, selector: &str, key: &str) -> &'v str {
    yaml::at(peer, selector)
        .get("matchLabels")
        .and_then(|labels| labels.get(key))
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn ports(rule: &Value) -> impl Iterator<Item = u64> {
    yaml::list(rule, "ports").iter().filter_map(|port| yaml::at(port, "port").as_u64())
}

/// Calls that a service may make, by namespace.
fn out(service: &str, documents: &[Value]) -> BTreeSet<Call> {
    let rules = policies(documents).flat_map(|policy| yaml::list(policy, "spec.egress"));
    let mut calls = BTreeSet::new();
    for rule in rules {
        for peer in yaml::list(rule, "to") {
            let to = label(peer, "namespaceSelector", NAMESPACE);
            calls.extend(ports(rule).map(|port| (service.to_owned(), to.to_owned(), port)));
        }
    }
    calls
}

/// Calls from pods that a service lets in.
fn into(service: &str, documents: &[Value]) -> BTreeSet<Call> {
    let rules = policies(documents).flat_map(|policy| yaml::list(policy, "spec.ingress"));
    let mut calls = BTreeSet::new();
    for rule in rules {
        for peer in yaml::list(rule, "from") {
            let from = label(peer, "podSelector", NAME);
            if !from.is_empty() && from == label(peer, "namespaceSelector", NAMESPACE) {
                calls.extend(ports(rule).map(|port| (from.to_owned(), service.to_owned(), port)));
            }
        }
    }
    calls
}

/// Addresses in settings that no policy lets the service reach: by namespace and port inside the cluster, by port outside.
fn named(service: &str, documents: &[Value]) -> impl Iterator<Item = String> {
    let calls = out(service, documents);
    addresses(documents).filter_map(move |Address { setting, host, namespace, port }| {
        let is_open = calls.iter().any(|(_, to, open)| *to == namespace && *open == port);
        (!is_open)
            .then(|| format!("{setting} names {host}:{port}, which network.egress does not let it reach"))
    })
}

/// Whom a setting names.
struct Address {
    setting: String,
    host: String,
    /// Empty outside of the cluster.
    namespace: String,
    port: u64,
}

fn addresses(documents: &[Value]) -> impl Iterator<Item = Address> {
    let settings = documents.iter().filter(|document| yaml::text(document, "kind") == "ConfigMap");
    let settings = settings.filter_map(|document| yaml::at(document, "data").as_object()).flatten();
    settings.flat_map(|(name, value)| {
        let value = value.as_str().unwrap_or_default();
        // What it listens on is nobody's address, what browsers open is not called from here.
        let is_own = name.ends_with("__ADDR") && value.starts_with("0.0.0.0");
        let is_elsewhere = name.ends_with("__PUBLIC_URL") || name.ends_with("__UPLOAD_ORIGIN");
        let value = if is_own || is_elsewhere { "" } else { value };
        value.split(',').filter_map(address).map(move |(host, port)| {
            let inside = host.split('.').nth(1).filter(|_| host.ends_with(".svc"));
            let namespace = inside.unwrap_or_default().to_owned();
            Address { setting: name.clone(), host: host.to_owned(), namespace, port }
        })
    })
}

/// Host and port of `http://host:port/…`, `https://host` or `host:port`.
fn address(text: &str) -> Option<(&str, u64)> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let authority = rest.split('/').next()?;
    let known = match scheme {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    };
    match authority.rsplit_once(':') {
        Some((host, port)) => Some((host, port.parse().ok()?)),
        None => Some((authority, known?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn policy(ingress: &Value, egress: &Value) -> Value {
        json!({"kind": "NetworkPolicy", "spec": {"podSelector": {}, "ingress": ingress, "egress": egress}})
    }

    fn peer(name: &str) -> Value {
        json!({"namespaceSelector": {"matchLabels": {NAMESPACE: name}}, "podSelector": {"matchLabels": {NAME: name}}})
    }

    #[test]
    fn a_call_needs_both_ends_and_a_setting_needs_a_call() {
        let rule =
            |side: &str, name: &str, port: u64| json!([{side: [peer(name)], "ports": [{"port": port}]}]);
        let settings = json!({"kind": "ConfigMap", "data": {"A__B__URL": "http://b-headless.b.svc:2", "A__K__BROKERS": "x.example:9098"}});
        let a = vec![policy(&json!([]), &rule("to", "b", 1)), settings];
        let b = vec![policy(&rule("from", "c", 1), &json!([]))];
        let c = vec![policy(&json!([]), &json!([]))];
        let renders =
            [("a", a), ("b", b), ("c", c)].map(|(name, all)| ((name.to_owned(), "dev"), all)).into();
        let found = faults(&renders);
        assert_eq!(found.len(), 5, "{found:?}");
        assert!(found[0].contains("A__B__URL names b-headless.b.svc:2"));
        assert!(found[1].contains("A__K__BROKERS names x.example:9098"));
        assert!(found[2].contains("a may call b:1, which none of its settings names"));
        assert!(found[3].contains("a may call b:1, which does not let it in"));
        assert!(found[4].contains("b:1 lets c in, which may not call it"));
    }

    #[test]
    fn addresses_are_found_in_settings() {
        assert_eq!(address("http://document.document.svc:8090"), Some(("document.document.svc", 8090)));
        assert_eq!(address("https://id.example/realms/x"), Some(("id.example", 443)));
        assert_eq!(address("broker:9098"), Some(("broker", 9098)));
        assert_eq!(address("info,document=debug"), None);
        assert_eq!(address("eu-central-1"), None);
    }
}
