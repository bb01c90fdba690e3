//! Where things are and whose they are: residency of data, tags, no way in from the internet.

use serde_json::Value;

use super::Promise;
use crate::terraform::plan::Resource;

const TAGS: [&str; 4] = ["project", "environment", "owner", "managed-by"];
/// What CloudFront reads, and AWS keeps in this region only: certificates and firewall rules, no data.
const GLOBAL: [(&str, &str); 4] = [
    ("aws_acm_certificate", "us-east-1"),
    ("aws_acm_certificate_validation", "us-east-1"),
    ("aws_wafv2_web_acl", "us-east-1"),
    ("aws_route53_health_check", "us-east-1"),
];
/// Where the internet may come in: load balancers, on the ports of the web.
const WEB: [u64; 2] = [80, 443];

/// What is in the wrong place, nobody's, or open.
pub(super) fn faults(resource: &Resource, promise: &Promise<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    let kind = resource.kind.as_str();
    if let Some(region) = resource.values.get("region") {
        let region = region.as_str().unwrap_or("nowhere");
        let global = GLOBAL.contains(&(kind, region));
        if !global && !promise.residency.contains(&region) {
            faults.push(format!(
                "is in {region}, and data may be in {} only (a resource has to say `region = var.region`)",
                promise.residency.join(", ")
            ));
        }
    }
    if let Some(tags) = resource.values.get("tags") {
        let missing: Vec<&str> =
            TAGS.into_iter().filter(|tag| tags.get(tag).is_none_or(Value::is_null)).collect();
        if !missing.is_empty() {
            faults.push(format!("has no tag {}", missing.join(", ")));
        }
    }
    if kind == "aws_vpc_security_group_ingress_rule" {
        let everybody = resource.text("cidr_ipv4") == "0.0.0.0/0" || resource.text("cidr_ipv6") == "::/0";
        let port = resource.at("from_port").as_u64().unwrap_or_default();
        if everybody && !WEB.contains(&port) {
            faults.push(format!("lets the internet in on port {port}"));
        }
    }
    if kind == "aws_security_group"
        && resource.at("ingress").as_array().is_some_and(|rules| !rules.is_empty())
    {
        faults.push("has rules inside: give each a rule of its own, which is judged".to_owned());
    }
    if kind == "aws_subnet" && resource.is("map_public_ip_on_launch", true) {
        faults.push("gives every machine a public address".to_owned());
    }
    faults
}
