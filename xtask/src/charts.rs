//! `cargo xtask charts`: everything that must hold of `helm/` and `gitops/`, without a cluster and without a network once its
//! tools are installed.

mod dashboards;
mod generated;
mod gitops;
mod helm;
mod kubernetes;
mod metrics;
mod mistakes;
mod observability;
mod policy;
mod reach;
mod readme;
mod room;
mod rules;
mod settings;
mod yaml;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail};
use serde_json::Value;

use self::helm::Helm;
use crate::checks::Checks;
use crate::{paths, repository};

/// Where what is tried out is tried out first.
pub(crate) const ENVIRONMENTS: [&str; 3] = ["dev", "staging", "prod"];

/// What `charts` can be told.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write what is generated (schemas of settings, READMEs, golden renders) instead of checking anything. `UPDATE=1` does it too.
    #[arg(long)]
    update: bool,
    /// Only checks whose name contains this, for example `policy`.
    only: Option<String>,
}

/// Checks, or renews what is generated.
pub(crate) fn run(args: &Args) -> Result<()> {
    let root = paths::root();
    let helm = Helm::install(&root)?;
    if args.update || std::env::var_os("UPDATE").is_some() {
        return generated::update(&root, &helm);
    }
    let checks = check(&root, &helm, args.only.as_deref())?;
    if checks.is_empty() {
        bail!("no check is called {:?}", args.only.as_deref().unwrap_or_default());
    }
    checks.finish("helm/ and gitops/", "helm/README.md")
}

/// The services that have a chart, which are all there are: a folder of services/ is the list.
pub(crate) fn services(root: &Path) -> Result<Vec<String>> {
    let members = repository::members(root)?;
    let services =
        members.iter().filter(|member| member.parent().is_some_and(|group| group.ends_with("services")));
    Ok(services.map(|member| repository::name_of(member)).collect())
}

/// What a chart makes, by service and environment.
type Renders = BTreeMap<(String, &'static str), Vec<Value>>;

fn check(root: &Path, helm: &Helm, only: Option<&str>) -> Result<Checks> {
    let wanted = |name: &str| only.is_none_or(|only| name.contains(only));
    let services = services(root)?;
    let texts = helm.renders(&services)?;
    let mut renders = Renders::new();
    for (key, text) in &texts {
        renders.insert(key.clone(), yaml::documents(text)?);
    }
    let cluster = helm.cluster_renders()?;
    let mut checks = Checks::default();
    let mut make = |name: &str, faults: &dyn Fn() -> Result<Vec<String>>| {
        if wanted(name) { checks.make(name, faults) } else { Ok(()) }
    };
    make("one list of services", &|| gitops::listed(root, &services))?;
    make("generated files", &|| generated::faults(root, &texts, &cluster))?;
    make("helm lint", &|| helm.lint(&services))?;
    make("settings that services have", &|| {
        Ok([settings::faults(root, &renders)?, settings::cluster_faults(root, &cluster)?].concat())
    })?;
    make("policy", &|| Ok([policy::faults(root, &renders)?, policy::cluster_faults(&cluster)?].concat()))?;
    make("metrics that are measured", &|| metrics::faults(root, &renders))?;
    make("alerts that fire", &|| rules::faults(root, &renders))?;
    make("dashboards and alerts on logs", &|| observability::faults(root, &renders, &cluster))?;
    make("quotas have room", &|| room::faults(&renders, &cluster))?;
    make("who reaches whom", &|| Ok(reach::faults(&renders)))?;
    make("mistakes are caught", &|| mistakes::uncaught(root, helm, &services))?;
    make("gitops", &|| gitops::faults(root, &cluster))?;
    make("schemas of Kubernetes", &|| {
        kubernetes::faults(root, texts.values().chain(cluster.values()).cloned())
    })?;
    Ok(checks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_and_gitops_are_as_they_must_be() {
        let root = paths::root();
        let helm = Helm::install(&root).unwrap();
        if std::env::var_os("UPDATE").is_some() {
            generated::update(&root, &helm).unwrap();
        }
        check(&root, &helm, None).unwrap().finish("helm/ and gitops/", "helm/README.md").unwrap();
    }
}
