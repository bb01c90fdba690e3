//! `gitops/`: which image runs where, and what Argo CD may do.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::helm::{CLUSTER, Texts};
use super::{ENVIRONMENTS, yaml};
use crate::promote;

/// Folders of helm/ that are no service's.
const NO_SERVICES: [&str; 3] = ["platform-core", "service", "tests"];
const ACCESS: &str = "terraform/modules/access/access.json";

/// The folders of services/ are the list; charts, images and access have to have the same.
pub(super) fn listed(root: &Path, services: &[String]) -> Result<Vec<String>> {
    let wanted: BTreeSet<String> = services.iter().cloned().collect();
    let mut faults = Vec::new();
    let mut same = |place: &str, there: BTreeSet<String>| {
        for name in wanted.difference(&there) {
            faults.push(format!("{place}: has no {name}"));
        }
        for name in there.difference(&wanted) {
            faults.push(format!("{place}: has {name}, and services/ has not"));
        }
    };
    let charts = names(&root.join("helm"), Path::is_dir)?;
    same("helm", charts.into_iter().filter(|name| !NO_SERVICES.contains(&name.as_str())).collect());
    for environment in ENVIRONMENTS {
        let place = format!("gitops/envs/{environment}");
        same(&place, names(&root.join(&place), |path| path.extension().is_some_and(|e| e == "yaml"))?);
    }
    let access: Value = serde_json::from_str(&fs::read_to_string(root.join(ACCESS))?)?;
    let access = access.as_object();
    same(ACCESS, access.into_iter().flatten().map(|(name, _)| name.clone()).collect());
    let owners = access
        .into_iter()
        .flatten()
        .filter(|(_, service)| service.pointer("/secrets/DB__OWNER_URL").is_some());
    let owners: BTreeSet<&str> = owners.map(|(name, _)| name.as_str()).collect();
    let platform = yaml::file(&root.join(CLUSTER[0]).join("values.yaml"))?;
    let made: BTreeSet<&str> =
        yaml::list(&platform, "bootstrap.services").iter().filter_map(Value::as_str).collect();
    if made != owners {
        faults.push(format!(
            "{}: bootstrap.services are {made:?}, and those with a database {owners:?}",
            CLUSTER[0]
        ));
    }
    Ok(faults)
}

/// Names of a folder's entries, without their extension.
fn names(folder: &Path, wanted: impl Fn(&Path) -> bool) -> Result<BTreeSet<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    let stems = paths.iter().filter(|path| wanted(path)).filter_map(|path| path.file_stem());
    Ok(stems.map(|stem| stem.to_string_lossy().into_owned()).collect())
}

/// What is wrong with images, projects and applications.
pub(super) fn faults(root: &Path, cluster: &Texts) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for environment in ENVIRONMENTS {
        for service in super::services(root)? {
            let file = promote::file(environment, &service);
            let text = fs::read_to_string(root.join(&file)).with_context(|| format!("cannot read {file}"))?;
            if !promote::is_written(&text) {
                faults.push(format!(
                    "{file}: has to have tag and digest and nothing else, as promote writes it"
                ));
            }
        }
    }
    for ((chart, environment), text) in cluster {
        let documents = yaml::documents(text)?;
        let found = argo(&documents, *environment == "prod");
        faults.extend(found.into_iter().map(|fault| format!("{chart} in {environment}: {fault}")));
    }
    faults.extend(repositories(root)?);
    Ok(faults)
}

/// Argo CD may take charts from where components come from, and from nowhere else.
fn repositories(root: &Path) -> Result<Vec<String>> {
    let [platform, projects] = CLUSTER;
    let components = yaml::file(&root.join(platform).join("values.yaml"))?;
    let components = yaml::at(&components, "components").as_object().into_iter().flatten();
    let used: BTreeSet<String> =
        components.map(|(_, component)| yaml::text(component, "repo").to_owned()).collect();
    let allowed = yaml::file(&root.join(projects).join("values.yaml"))?;
    let allowed = yaml::list(&allowed, "chartRepositories").iter().filter_map(Value::as_str);
    let allowed: BTreeSet<String> = allowed.map(str::to_owned).collect();
    let differing = used.symmetric_difference(&allowed);
    Ok(differing
        .map(|repo| {
            format!("{projects}: chartRepositories and the components of {platform} differ in {repo}")
        })
        .collect())
}

/// What Argo CD may do is said by name, what it installs is pinned, and production has hours.
fn argo(documents: &[Value], production: bool) -> Vec<String> {
    let mut faults = Vec::new();
    for document in documents {
        let mut must = |holds: bool, what: &str| {
            if !holds {
                faults.push(format!("{}: {what}", yaml::called(document)));
            }
        };
        match yaml::text(document, "kind") {
            "AppProject" => {
                let any = |path: &str, key: &str| {
                    yaml::list(document, path)
                        .iter()
                        .any(|entry| entry.as_str().unwrap_or(yaml::text(entry, key)) == "*")
                };
                must(!any("spec.sourceRepos", ""), "must name where it takes from");
                must(!yaml::list(document, "spec.sourceRepos").is_empty(), "must name where it takes from");
                must(!any("spec.destinations", "namespace"), "must name the namespaces that it writes to");
                must(
                    !any("spec.clusterResourceWhitelist", "kind"),
                    "must name the cluster's resources that it may make",
                );
                must(
                    !any("spec.namespaceResourceWhitelist", "kind"),
                    "must name the resources that it may make",
                );
                must(
                    !production || !yaml::list(document, "spec.syncWindows").is_empty(),
                    "must have hours in production",
                );
            }
            "Application" => {
                must(yaml::text(document, "spec.project") != "default", "must belong to a project of ours");
                let sources =
                    yaml::list(document, "spec.sources").iter().chain([yaml::at(document, "spec.source")]);
                for source in sources.filter(|source| !yaml::text(source, "chart").is_empty()) {
                    let version = yaml::text(source, "targetRevision");
                    let exact = version.trim_start_matches('v').split('.').count() == 3
                        && version.trim_start_matches('v').bytes().all(|b| b.is_ascii_digit() || b == b'.');
                    must(exact, "must be pinned to a version");
                }
            }
            _ => {}
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_open_or_floats_is_named() {
        let project = json!({"kind": "AppProject", "metadata": {"name": "p"}, "spec": {"sourceRepos": ["*"],
            "destinations": [{"namespace": "*"}], "clusterResourceWhitelist": [{"group": "*", "kind": "*"}]}});
        let application = json!({"kind": "Application", "metadata": {"name": "a"},
            "spec": {"project": "default", "source": {"chart": "x", "targetRevision": "1.*"}}});
        let found = argo(&[project, application], true);
        assert_eq!(found.len(), 6, "{found:?}");
        let pinned = json!({"kind": "Application", "metadata": {"name": "a"},
            "spec": {"project": "platform", "source": {"chart": "x", "targetRevision": "1.2.3"}}});
        assert_eq!(argo(&[pinned], true), Vec::<String>::new());
    }
}
