//! What is written by a program and committed: schemas of the services' values, READMEs, dashboards, golden
//! renders.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::helm::{Helm, SERVICES, Texts};
use super::{ENVIRONMENTS, dashboards, readme, services, settings};
use crate::promote;

const GOLDEN: &str = "helm/tests/golden";

/// Writes them.
pub(super) fn update(root: &Path, helm: &Helm) -> Result<()> {
    let services = services(root)?;
    let mut faults = Vec::new();
    // Renders obey the schemas.
    let mut files = schemas(root, &services)?;
    files.extend(readme::files(root, &services, &mut faults)?);
    files.extend(dashboards::files(&services)?);
    write(root, &files)?;
    // Which image runs is for promotions to say, once there is one.
    for (environment, service) in
        ENVIRONMENTS.iter().flat_map(|environment| services.iter().map(move |s| (environment, s)))
    {
        let file = PathBuf::from(promote::file(environment, service));
        if !root.join(&file).exists() {
            write(root, &[(file, promote::nothing())])?;
        }
    }
    let renders = golden(&helm.renders(&services)?, &helm.cluster_renders()?);
    // What no chart makes any more.
    let folder = root.join(GOLDEN);
    if folder.is_dir() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {GOLDEN}"))?;
    }
    write(root, &renders)
}

fn write(root: &Path, files: &[(PathBuf, String)]) -> Result<()> {
    for (file, text) in files {
        let path = root.join(file);
        if fs::read_to_string(&path).ok().as_ref() != Some(text) {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&path, text).with_context(|| format!("cannot write {}", file.display()))?;
            say!("{}", file.display());
        }
    }
    Ok(())
}

/// What of them is not as it should be.
pub(super) fn faults(root: &Path, renders: &Texts, cluster: &Texts) -> Result<Vec<String>> {
    let services = services(root)?;
    let mut faults = Vec::new();
    let mut files = schemas(root, &services)?;
    files.extend(readme::files(root, &services, &mut faults)?);
    files.extend(dashboards::files(&services)?);
    files.extend(golden(renders, cluster));
    for (file, text) in &files {
        if fs::read_to_string(root.join(file)).ok().as_ref() != Some(text) {
            faults.push(format!(
                "{}: is not what it is made from; cargo xtask charts --update",
                file.display()
            ));
        }
    }
    Ok(faults)
}

fn golden(renders: &Texts, cluster: &Texts) -> Vec<(PathBuf, String)> {
    let texts = renders.iter().chain(cluster);
    texts
        .map(|((chart, environment), text)| {
            (Path::new(GOLDEN).join(environment).join(format!("{chart}.yaml")), text.clone())
        })
        .collect()
}

/// The list of services, and a schema for each: which settings it has. What everything else may be is the library's to say.
fn schemas(root: &Path, services: &[String]) -> Result<Vec<(PathBuf, String)>> {
    let list = format!(
        "# Written by `cargo xtask charts --update`: the folders of services/.\nservices: [{}]\n",
        services.join(", ")
    );
    let mut files = vec![(PathBuf::from(SERVICES), list)];
    for service in services {
        let names: Map<String, Value> =
            settings::of(root, service)?.into_iter().map(|name| (name, Value::Bool(true))).collect();
        let schema = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "description": "Written by `cargo xtask charts --update` from the service's settings.",
            "definitions": {"settings": {"type": "object", "additionalProperties": false, "properties": names}},
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "global": {"type": "object", "additionalProperties": false},
                "service": {"type": "object", "properties": {
                    "name": {"const": service},
                    "settings": {"$ref": "#/definitions/settings"},
                    "secrets": {"$ref": "#/definitions/settings"},
                    "workloads": {"type": "object", "additionalProperties":
                        {"type": "object", "properties": {"settings": {"$ref": "#/definitions/settings"}}}},
                }},
            },
        });
        let file = Path::new("helm").join(service).join("values.schema.json");
        files.push((file, format!("{}\n", serde_json::to_string_pretty(&schema)?)));
    }
    Ok(files)
}
