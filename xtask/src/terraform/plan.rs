//! Calling Terraform, and reading what a test run made.

use std::env;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{paths, shell};

/// The program: `TF_CMD`, or `terraform`.
pub(super) struct Terraform {
    program: String,
}

/// What an environment's test made, of mocks.
#[derive(Debug, Default, Deserialize)]
pub(super) struct State {
    root_module: Module,
    #[serde(default)]
    outputs: Map<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
struct Module {
    #[serde(default)]
    resources: Vec<Resource>,
    #[serde(default)]
    child_modules: Vec<Self>,
}

/// One resource of it.
#[derive(Debug, Deserialize)]
pub(super) struct Resource {
    pub(super) address: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) mode: String,
    pub(super) values: Value,
}

/// A line of `terraform test -json`.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "@level", default)]
    level: String,
    #[serde(rename = "@message", default)]
    message: String,
    #[serde(default)]
    diagnostic: Option<Diagnostic>,
    #[serde(default)]
    test_state: Option<State>,
}

#[derive(Deserialize)]
struct Diagnostic {
    severity: String,
    summary: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    range: Option<Range>,
}

#[derive(Deserialize)]
struct Range {
    filename: String,
    start: Position,
}

#[derive(Deserialize)]
struct Position {
    line: u32,
}

impl State {
    /// Every resource that it manages.
    pub(super) fn resources(&self) -> Vec<&Resource> {
        fn walk<'a>(module: &'a Module, into: &mut Vec<&'a Resource>) {
            into.extend(module.resources.iter().filter(|resource| resource.mode == "managed"));
            module.child_modules.iter().for_each(|child| walk(child, into));
        }
        let mut resources = Vec::new();
        walk(&self.root_module, &mut resources);
        resources
    }

    /// The value of an output; null where there is none.
    pub(super) fn output(&self, name: &str) -> &Value {
        self.outputs.get(name).and_then(|output| output.get("value")).unwrap_or(&Value::Null)
    }
}

impl Terraform {
    /// Finds it, or says where to get it.
    pub(super) fn find() -> Result<Self> {
        let program = env::var("TF_CMD").unwrap_or_else(|_| "terraform".to_owned());
        let there = Path::new(&program).is_file() || paths::which(&program).is_some();
        if !there {
            bail!(
                "{program} is not here; get Terraform 1.11 or later from https://developer.hashicorp.com/terraform/install, or set TF_CMD"
            );
        }
        Ok(Self { program })
    }

    fn command(&self, folder: &Path) -> Result<Command> {
        // Providers are large: one copy for all folders.
        let plugins = paths::cache()?.join("terraform-plugins");
        std::fs::create_dir_all(&plugins).with_context(|| format!("cannot make {}", plugins.display()))?;
        let mut command = Command::new(&self.program);
        command
            .current_dir(folder)
            .stdin(Stdio::null())
            .env("TF_IN_AUTOMATION", "1")
            .env("TF_PLUGIN_CACHE_DIR", plugins)
            .env("TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE", "1")
            .env("CHECKPOINT_DISABLE", "1");
        Ok(command)
    }

    fn output(&self, folder: &Path, args: &[&str]) -> Result<Output> {
        self.command(folder)?.args(args).output().with_context(|| format!("cannot run {}", self.program))
    }

    /// What `fmt` would change.
    pub(super) fn format(&self, folder: &Path) -> Result<Vec<String>> {
        let out = self.output(folder, &["fmt", "-check", "-recursive", "-no-color"])?;
        let files = String::from_utf8_lossy(&out.stdout);
        let mut faults: Vec<String> = files
            .lines()
            .map(|file| format!("{file}: not formatted; terraform fmt -recursive terraform"))
            .collect();
        if faults.is_empty() && !out.status.success() {
            faults.push(text(&out));
        }
        Ok(faults)
    }

    /// `init` without a back end; its complaint where it fails.
    pub(super) fn init(&self, folder: &Path) -> Result<Option<String>> {
        let out = self.output(folder, &["init", "-backend=false", "-input=false", "-no-color"])?;
        Ok((!out.status.success()).then(|| text(&out)))
    }

    /// `validate`; its complaint where it fails.
    pub(super) fn validate(&self, folder: &Path) -> Result<Option<String>> {
        let out = self.output(folder, &["validate", "-no-color"])?;
        Ok((!out.status.success()).then(|| text(&out)))
    }

    /// `test`; its complaint where it fails.
    pub(super) fn test(&self, folder: &Path) -> Result<Option<String>> {
        let out = self.output(folder, &["test", "-no-color"])?;
        Ok((!out.status.success()).then(|| text(&out)))
    }

    /// `test` of an environment, and what it made.
    pub(super) fn test_state(&self, folder: &Path) -> Result<(State, Vec<String>)> {
        let out = self.output(folder, &["test", "-json", "-verbose"])?;
        let mut made = None;
        let mut faults = Vec::new();
        for line in String::from_utf8_lossy(&out.stdout).lines().filter(|line| line.starts_with('{')) {
            let line: Line =
                serde_json::from_str(line).context("terraform test -json says something else")?;
            match line.diagnostic {
                Some(found) if found.severity == "error" => faults.push(found.to_string()),
                None if line.level == "error" => faults.push(line.message),
                _ => {}
            }
            made = line.test_state.or(made);
        }
        if !out.status.success() && faults.is_empty() {
            faults.push(text(&out));
        }
        if made.is_none() && faults.is_empty() {
            faults.push("its test made nothing: a run with `command = apply` is needed".to_owned());
        }
        Ok((made.unwrap_or_default(), faults))
    }

    /// The value of an output of a root whose state is real.
    pub(super) fn real_output(&self, folder: &Path, name: &str) -> Result<Value> {
        let mut command = self.command(folder)?;
        let json = shell::output(command.args(["output", "-json", name])).with_context(|| {
            format!("{}: after `terraform init -backend-config=backend.hcl`", folder.display())
        })?;
        serde_json::from_str(&json).context("terraform output -json is not JSON")
    }
}

impl std::fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.summary)?;
        if let Some(range) = &self.range {
            write!(f, " ({}:{})", range.filename, range.start.line)?;
        }
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

/// What a failed run said: its errors, else all of it.
fn text(out: &Output) -> String {
    let all = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    let lines: Vec<&str> = all.lines().filter(|line| !line.trim().is_empty()).collect();
    let from = lines.iter().position(|line| line.contains("Error:")).unwrap_or(0);
    lines.get(from..).unwrap_or_default().join("\n")
}
