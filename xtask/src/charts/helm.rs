//! Helm: installed into the cache, and told nothing of its user's own settings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::ENVIRONMENTS;
use crate::paths;
use crate::stack::install::{self, Tool};
use crate::stack::system;
use crate::stack::{CHARTS, Stack};

/// Of the line that Argo CD 3.5 renders with.
const VERSION: &str = "3.22.0";
/// The oldest that charts are for is in their Chart.yaml; this is what renders are compared for.
const KUBERNETES: &str = "1.34.0";
/// The image of golden renders, so that a release changes none.
const IMAGE: &str = "helm/tests/image.yaml";
/// The list of services, for charts of the cluster.
pub(super) const SERVICES: &str = "helm/services.yaml";
/// Charts of the cluster rather than of a service, by folder.
pub(super) const CLUSTER: [&str; 2] = ["helm/platform-core", "gitops/root"];
/// Values that a service's chart is tried with besides environments', where there is such a file: what no environment uses.
const OPTIONS: &str = "helm/tests/options";

static HELM: Tool = Tool {
    version: VERSION,
    needs: &[system::GO],
    fill: |dir, log| install::go_program(dir, log, &format!("helm.sh/helm/v3/cmd/helm@v{VERSION}")),
};

/// What charts make, by chart and environment.
pub(super) type Texts = BTreeMap<(String, &'static str), String>;

pub(super) struct Helm {
    program: PathBuf,
    root: PathBuf,
}

impl Helm {
    pub(super) fn install(root: &Path) -> Result<Self> {
        HELM.install(&Stack::private(CHARTS)?, "helm")?;
        Ok(Self { program: install::folder("helm", VERSION)?.join("helm"), root: root.to_owned() })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        let own = paths::target().join("helm");
        for variable in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
            command.env(variable, &own);
        }
        command.current_dir(&self.root);
        command
    }

    /// Options of every call about a chart in a folder.
    fn about(command: &mut Command, chart: &str, values: &str) {
        let shared = if CLUSTER.contains(&chart) { SERVICES } else { IMAGE };
        command.arg(chart).args(["--kube-version", KUBERNETES, "--values", values, "--values", shared]);
    }

    fn template(
        &self,
        name: &str,
        chart: &str,
        values: &str,
        more: &[&Path],
    ) -> Result<Result<String, String>> {
        let mut command = self.command();
        let namespace = if CLUSTER.contains(&chart) { "argocd" } else { name };
        command.args(["template", "--namespace", namespace, name]);
        Self::about(&mut command, chart, values);
        for file in more {
            command.arg("--values").arg(file);
        }
        let out = command.output().context("cannot run helm")?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(if out.status.success() { Ok(text(&out.stdout)) } else { Err(text(&out.stderr)) })
    }

    /// What a service's chart makes with further values, or why it refuses.
    pub(super) fn render(
        &self,
        service: &str,
        environment: &str,
        more: &[&Path],
    ) -> Result<Result<String, String>> {
        let chart = format!("helm/{service}");
        self.template(service, &chart, &format!("{chart}/values-{environment}.yaml"), more)
    }

    /// The same for a chart of the cluster.
    pub(super) fn render_cluster(
        &self,
        chart: &str,
        environment: &str,
        more: &[&Path],
    ) -> Result<Result<String, String>> {
        let name = chart.rsplit('/').next().unwrap_or(chart);
        self.template(name, chart, &format!("{chart}/values-{environment}.yaml"), more)
    }

    /// What every service's chart makes in every environment, and with `options` where there are some.
    pub(super) fn renders(&self, services: &[String]) -> Result<Texts> {
        let mut renders = BTreeMap::new();
        for service in services {
            for environment in ENVIRONMENTS {
                let text = self.render(service, environment, &[])?;
                renders.insert((service.clone(), environment), made(service, environment, text)?);
            }
            self.options(service, &format!("helm/{service}"), &mut renders)?;
        }
        Ok(renders)
    }

    /// What the cluster's charts make in every environment.
    pub(super) fn cluster_renders(&self) -> Result<Texts> {
        let mut renders = BTreeMap::new();
        for chart in CLUSTER {
            let name = chart.rsplit('/').next().unwrap_or(chart);
            for environment in ENVIRONMENTS {
                let text = self.render_cluster(chart, environment, &[])?;
                renders.insert((name.to_owned(), environment), made(chart, environment, text)?);
            }
            self.options(name, chart, &mut renders)?;
        }
        Ok(renders)
    }

    /// What a chart makes with values that no environment uses, where there are some.
    fn options(&self, name: &str, chart: &str, renders: &mut Texts) -> Result<()> {
        let options = self.root.join(OPTIONS).join(format!("{name}.yaml"));
        if options.is_file() {
            let text =
                self.template(name, chart, &format!("{chart}/values-{}.yaml", ENVIRONMENTS[0]), &[&options])?;
            renders.insert((name.to_owned(), "options"), made(chart, "options", text)?);
        }
        Ok(())
    }

    /// What `helm lint --strict` finds. Once per chart: what differs by environment are values, which every render obeys.
    pub(super) fn lint(&self, services: &[String]) -> Result<Vec<String>> {
        let mut faults = Vec::new();
        let charts = services.iter().map(|service| format!("helm/{service}"));
        for chart in charts.chain(CLUSTER.map(str::to_owned)) {
            let mut command = self.command();
            command.args(["lint", "--strict", "--quiet"]);
            Self::about(&mut command, &chart, &format!("{chart}/values-{}.yaml", ENVIRONMENTS[0]));
            let out = command.output().context("cannot run helm")?;
            if !out.status.success() {
                faults.push(format!("{chart}: {}", String::from_utf8_lossy(&out.stdout).trim()));
            }
        }
        Ok(faults)
    }
}

fn made(chart: &str, environment: &str, text: Result<String, String>) -> Result<String> {
    match text {
        Ok(text) => Ok(text),
        Err(why) => bail!("{chart} does not render for {environment}:\n{why}"),
    }
}
