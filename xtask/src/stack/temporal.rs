//! Temporal's development server: everything in one process, over a SQLite file, with its page. Production has a cluster of its own.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use super::install::{self, Tool};
use super::ports::Port;
use super::process::Launch;
use super::{Server, Stack, system};
use crate::shell;

/// Of the command line, which brings the server; its requirements are pinned in `tools/go.sum`.
const VERSION: &str = "1.5.1";
const PACKAGE: &str = "github.com/temporalio/cli/cmd/temporal";
const GO_MOD: &str = include_str!("../../../tools/go.mod");
const GO_SUM: &str = include_str!("../../../tools/go.sum");

/// The namespace that the worker has by default.
const NAMESPACE: &str = "guildhall";

pub(crate) const SERVER: Server = Server {
    name: "temporal",
    ports: &[Port::Temporal, Port::TemporalWeb, Port::TemporalMetrics],
    needs: &[],
    tool: Some(Tool { version: VERSION, needs: &[system::GO], fill }),
    launch,
    ready: |stack| {
        let mut describe = Command::new(program()?);
        describe.args(["operator", "namespace", "describe", NAMESPACE, "--command-timeout", "5s"]);
        describe.arg("--address").arg(format!("127.0.0.1:{}", stack.port(Port::Temporal)));
        shell::run(&mut describe, &stack.log("temporal-ready"))
    },
    provision: |_| Ok(()),
};

/// Where the services reach it.
pub(crate) fn url(stack: &Stack) -> String {
    format!("http://127.0.0.1:{}", stack.port(Port::Temporal))
}

fn program() -> Result<std::path::PathBuf> {
    Ok(install::folder("temporal", VERSION)?.join("temporal"))
}

fn fill(dir: &std::path::Path, log: &std::path::Path) -> Result<()> {
    fs::write(dir.join("go.mod"), GO_MOD)?;
    fs::write(dir.join("go.sum"), GO_SUM)?;
    let mut command = Command::new("go");
    command.args(["build", "-trimpath", "-ldflags", "-s -w", "-o"]).arg(dir.join("temporal")).arg(PACKAGE);
    command.env("CGO_ENABLED", "0").current_dir(dir);
    shell::run(&mut command, log)
}

fn launch(stack: &Stack) -> Result<Launch> {
    let database = stack.data("temporal")?.join("temporal.sqlite");
    let mut command = Command::new(program()?);
    command
        .args(["server", "start-dev", "--ip", "127.0.0.1", "--log-level", "warn", "--namespace", NAMESPACE])
        .args(["--port", &stack.port(Port::Temporal).to_string()])
        .args(["--ui-port", &stack.port(Port::TemporalWeb).to_string()])
        .args(["--metrics-port", &stack.port(Port::TemporalMetrics).to_string()])
        .arg("--db-filename")
        .arg(database.to_str().context("the stack's folder has a name that is no text")?);
    Ok(Launch::new(command))
}
