//! Whether alerts fire when they must and only then: Prometheus' own `promtool` runs the rules that charts make over made-up
//! series, `helm/tests/rules/*.yaml`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{Renders, yaml};
use crate::paths;
use crate::stack::install::{self, Tool};
use crate::stack::system;
use crate::stack::{CHARTS, Stack};

/// Of Prometheus 3.16; modules of Prometheus 3 are numbered 0.3xx.
const VERSION: &str = "0.316.0";
const TESTS: &str = "helm/tests/rules";

static PROMTOOL: Tool = Tool {
    version: VERSION,
    needs: &[system::GO],
    // Without the clients of every cloud, which only discover what to scrape.
    fill: |dir, log| {
        let package = format!("github.com/prometheus/prometheus/cmd/promtool@v{VERSION}");
        install::go_program_tagged(dir, log, &package, "remove_all_sd")
    },
};

/// What promtool refuses, tests that fail, and alerts that no test has seen.
pub(super) fn faults(root: &Path, renders: &Renders) -> Result<Vec<String>> {
    PROMTOOL.install(&Stack::private(CHARTS)?, "promtool")?;
    let folder = paths::target().join("rules");
    // Rules of a chart that is gone.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let mut alerts = BTreeSet::new();
    let mut rules = Vec::new();
    for ((service, environment), documents) in renders {
        for document in documents.iter().filter(|document| yaml::text(document, "kind") == "PrometheusRule") {
            for rule in
                yaml::list(document, "spec.groups").iter().flat_map(|group| yaml::list(group, "rules"))
            {
                alerts.insert(yaml::text(rule, "alert").to_owned());
            }
            let file = folder.join(format!("{environment}-{service}.yaml"));
            fs::write(&file, serde_json::to_string(yaml::at(document, "spec"))?)?;
            rules.push(file);
        }
    }
    let mut faults = promtool(&["check", "rules"], &rules, &folder)?;
    let mut tests = Vec::new();
    let mut seen = String::new();
    for entry in fs::read_dir(root.join(TESTS)).with_context(|| format!("cannot list {TESTS}"))? {
        let path = entry?.path();
        let Some(name) = path.file_name() else { continue };
        let text = fs::read_to_string(&path)?;
        // Beside the rules that it names.
        let copy = folder.join(format!("test-{}", name.to_string_lossy()));
        fs::write(&copy, &text)?;
        seen += &text;
        tests.push(copy);
    }
    tests.sort();
    faults.extend(promtool(&["test", "rules"], &tests, &folder)?);
    let unseen =
        alerts.iter().filter(|alert| !alert.is_empty() && !seen.contains(&format!("alertname=\"{alert}\"")));
    faults.extend(unseen.map(|alert| format!("{TESTS}: no test sees {alert} fire")));
    Ok(faults)
}

fn promtool(arguments: &[&str], files: &[PathBuf], folder: &Path) -> Result<Vec<String>> {
    let mut command = Command::new(install::folder("promtool", VERSION)?.join("promtool"));
    let out =
        command.args(arguments).args(files).current_dir(folder).output().context("cannot run promtool")?;
    if out.status.success() {
        return Ok(Vec::new());
    }
    let text = [out.stdout, out.stderr].concat();
    Ok(vec![String::from_utf8_lossy(&text).trim().to_owned()])
}
