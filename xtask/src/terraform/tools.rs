//! tflint and checkov, installed into the cache.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::shell;
use crate::stack::Stack;
use crate::stack::install::{self, Tool};
use crate::stack::system;

const TFLINT_VERSION: &str = "0.64.0";
const CHECKOV_VERSION: &str = "3.3.30";

static TFLINT: Tool = Tool {
    version: TFLINT_VERSION,
    needs: &[system::GO],
    fill: |dir, log| {
        install::go_program(dir, log, &format!("github.com/terraform-linters/tflint@v{TFLINT_VERSION}"))
    },
};

static CHECKOV: Tool = Tool {
    version: CHECKOV_VERSION,
    needs: &[system::PYTHON],
    fill: |dir, log| {
        shell::run(Command::new("python3").args(["-m", "venv"]).arg(dir), log)?;
        let mut pip = Command::new(dir.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        shell::run(pip.arg(format!("checkov=={CHECKOV_VERSION}")), log)
    },
};

/// What tflint's rules for Terraform's language find; those for AWS cannot be had everywhere, checkov has their like.
pub(super) fn tflint(root: &Path) -> Result<Vec<String>> {
    TFLINT.install(&Stack::test()?, "tflint")?;
    let mut command = Command::new(install::folder("tflint", TFLINT_VERSION)?.join("tflint"));
    let terraform = root.join("terraform");
    command.arg("--recursive").arg("--format=compact").arg("--no-color");
    command.arg(format!("--config={}", terraform.join(".tflint.hcl").display())).current_dir(&terraform);
    let out = command.output().context("cannot run tflint")?;
    Ok(if out.status.success() { Vec::new() } else { lines(&out.stdout, &out.stderr) })
}

/// What checkov finds and nobody has justified: a skip stands where it is, with its reason.
pub(super) fn checkov(root: &Path) -> Result<Vec<String>> {
    CHECKOV.install(&Stack::test()?, "checkov")?;
    // A virtual environment's scripts know where it was made; its interpreter finds itself.
    let mut command = Command::new(install::folder("checkov", CHECKOV_VERSION)?.join("bin/python"));
    command.args([
        "-m",
        "checkov.main",
        "--framework",
        "terraform",
        "--quiet",
        "--compact",
        "--output",
        "json",
    ]);
    command.args(["--skip-download", "--config-file", ".checkov.yaml", "--directory", "."]);
    let out = command.current_dir(root.join("terraform")).output().context("cannot run checkov")?;
    let report: Value = match serde_json::from_slice(&out.stdout) {
        Ok(report) => report,
        Err(_) => return Ok(lines(&out.stdout, &out.stderr)),
    };
    let mut faults = Vec::new();
    for failed in report.pointer("/results/failed_checks").and_then(Value::as_array).into_iter().flatten() {
        let text = |key: &str| failed.get(key).and_then(Value::as_str).unwrap_or_default();
        let line = failed.pointer("/file_line_range/0").and_then(Value::as_u64).unwrap_or_default();
        faults.push(format!(
            "terraform{}:{line}: {}: {}: {}",
            text("file_path"),
            text("check_id"),
            text("resource"),
            text("check_name")
        ));
    }
    for file in report.pointer("/results/parsing_errors").and_then(Value::as_array).into_iter().flatten() {
        faults.push(format!("checkov cannot read {file}"));
    }
    if report.pointer("/summary/passed").and_then(Value::as_u64).unwrap_or_default() == 0 {
        faults.push("checkov looked at nothing".to_owned());
    }
    faults.sort();
    faults.dedup();
    Ok(faults)
}

fn lines(stdout: &[u8], stderr: &[u8]) -> Vec<String> {
    let all = [stdout, stderr].map(String::from_utf8_lossy).concat();
    all.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}
