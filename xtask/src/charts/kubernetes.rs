//! Objects against the schemas of Kubernetes and of what extends it, by kubeconform. The schemas are made from what the
//! projects' own Go modules carry: Kubernetes' OpenAPI document and custom resource definitions, with every object closed, so
//! that a field that does not exist is found.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::stack::install::{self, Tool};
use crate::stack::system;
use crate::stack::{CHARTS, Stack};

mod schemas;

const KUBECONFORM_VERSION: &str = "0.8.0";

static KUBECONFORM: Tool = Tool {
    version: KUBECONFORM_VERSION,
    needs: &[system::GO],
    fill: |dir, log| {
        install::go_program(
            dir,
            log,
            &format!("github.com/yannh/kubeconform/cmd/kubeconform@v{KUBECONFORM_VERSION}"),
        )
    },
};

/// An object that must be refused, to see that others would be.
const WRONG: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: wrong}, dat: {}}";

/// What no schema fits, and whose schema is missing.
pub(super) fn faults(root: &Path, renders: impl Iterator<Item = String>) -> Result<Vec<String>> {
    let stack = Stack::private(CHARTS)?;
    KUBECONFORM.install(&stack, "kubeconform")?;
    schemas::SCHEMAS.install(&stack, "kubernetes-schemas")?;
    let mut text = format!("{WRONG}\n---\n");
    for render in renders {
        text += &render;
        text += "\n---\n";
    }
    for file in plain(root)? {
        text += &fs::read_to_string(&file)?;
        text += "\n---\n";
    }
    let schemas = install::folder("kubernetes-schemas", schemas::SCHEMAS.version)?;
    let mut child = Command::new(install::folder("kubeconform", KUBECONFORM_VERSION)?.join("kubeconform"))
        .args(["-strict", "-output", "json", "-n", "2", "-schema-location"])
        .arg(format!(
            "{}/{{{{.Group}}}}/{{{{.ResourceKind}}}}_{{{{.ResourceAPIVersion}}}}.json",
            schemas.display()
        ))
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run kubeconform")?;
    let mut stdin = child.stdin.take().context("kubeconform has no input")?;
    let writing = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let out = child.wait_with_output()?;
    let _ = writing.join();
    let report: Value = serde_json::from_slice(&out.stdout).context("kubeconform's report is not JSON")?;
    let resources = report.get("resources").and_then(Value::as_array);
    let said = |resource: &Value, key: &str| {
        resource.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let mut faults: Vec<String> = resources
        .into_iter()
        .flatten()
        .map(|resource| {
            format!("{} {}: {}", said(resource, "kind"), said(resource, "name"), said(resource, "msg"))
        })
        .collect();
    let all = faults.len();
    faults.retain(|fault| !fault.starts_with("ConfigMap wrong: "));
    if faults.len() + 1 != all {
        faults.push("a field that does not exist is not found".to_owned());
    }
    Ok(faults)
}

/// Objects that people apply by hand.
fn plain(root: &Path) -> Result<Vec<PathBuf>> {
    let folder = root.join("gitops/bootstrap");
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
        files.push(entry?.path());
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    Ok(files)
}
