//! Who takes part, and how each is started.

use std::fs::{self, File};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bench_report::{Process, Role, out, peer};
use testkit::Issuer;
use tokio::process::{Child, Command};
use url::Url;

/// Who runs the workflows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contender {
    Ours,
    Go,
    Python,
}

/// Where everybody finds what they call.
pub(crate) struct Places {
    pub(crate) temporal: Url,
    /// Address of the payment service.
    pub(crate) owner: String,
    pub(crate) issuer: Issuer,
}

impl Contender {
    pub(crate) const ALL: [Self; 3] = [Self::Ours, Self::Go, Self::Python];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "worker: PaymentWorkflow",
            Self::Go => "Temporal's Go SDK 1.50.0",
            Self::Python => "Temporal's Python SDK 1.35.0",
        }
    }

    pub(crate) fn role(self) -> Role {
        if self == Self::Ours { Role::Ours } else { Role::Peer }
    }

    /// Starts it on a task queue of its own.
    pub(crate) fn start(self, places: &Places, task_queue: &str) -> Result<Running> {
        let Places { temporal, owner, issuer } = places;
        let mut command = match self {
            Self::Ours => Command::new(std::env::current_exe()?),
            Self::Go => Command::new(peer("go")?.join("go")),
            Self::Python => Command::new(peer("python")?.join("venv/bin/python")),
        };
        if self == Self::Ours {
            command.arg("ours").envs([
                ("WORKER__AUTH__ISSUER", issuer.url()),
                ("WORKER__AUTH__CLIENT_ID", "svc-worker"),
                ("WORKER__AUTH__CLIENT_SECRET", "test-secret"),
                ("WORKER__TEMPORAL__URL", temporal.as_str()),
                ("WORKER__TEMPORAL__TASK_QUEUE", task_queue),
                ("WORKER__PAYMENT__URL", &format!("http://{owner}")),
                // Nobody calls it.
                ("WORKER__S3__ENDPOINT", "http://127.0.0.1:9"),
            ]);
        } else {
            if self == Self::Python {
                command.arg(peer("python")?.join("main.py"));
            }
            let token = issuer.service("svc-worker");
            command.args([temporal.authority(), task_queue, owner, &token]);
        }
        let log = out()?.join("logs").join(format!("workflow-{self:?}.log").to_lowercase());
        fs::create_dir_all(log.with_file_name(""))?;
        let file = File::options().create(true).append(true).open(&log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", self.name()))?;
        Ok(Running(child))
    }
}

/// A worker that runs; it is killed with this value.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn process(&self) -> Result<Process> {
        self.0.id().map(Process::of).context("it has ended by itself")
    }

    /// Asks it to end, and waits.
    pub(crate) async fn stop(mut self) -> Result<()> {
        let pid = self.process()?.pid().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status().await?;
        ensure!(told.success(), "it cannot be told to stop");
        let ended = tokio::time::timeout(Duration::from_secs(30), self.0.wait()).await;
        ended.context("it did not stop when told to")??;
        Ok(())
    }
}
