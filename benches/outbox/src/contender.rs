//! Who takes part, and how each is started.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bench_report::{Process, Role};
use secrecy::ExposeSecret as _;

use crate::world::World;

/// A relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contender {
    Ours,
    Debezium,
    Obix,
    Naive,
}

impl Contender {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "outbox::Relay",
            Self::Debezium => "Debezium embedded 3.6.1, EventRouter",
            Self::Obix => "obix 0.16.0",
            Self::Naive => "naive SKIP LOCKED relay",
        }
    }

    pub(crate) fn role(self) -> Role {
        if self == Self::Ours { Role::Ours } else { Role::Peer }
    }

    /// What fills the table it reads.
    pub(crate) fn procedure(self) -> &'static str {
        if self == Self::Obix { "fill_obix" } else { "fill" }
    }

    /// Before the table is filled.
    pub(crate) async fn prepare(self, world: &World) -> Result<()> {
        world.clear().await?;
        if self == Self::Debezium {
            world.run("select pg_create_logical_replication_slot('debezium', 'pgoutput')").await?;
            let _ = std::fs::remove_file(offsets(world));
        }
        Ok(())
    }

    /// After the relay has ended.
    pub(crate) async fn clean(self, world: &World) -> Result<()> {
        if self == Self::Debezium {
            world.run("select pg_drop_replication_slot('debezium')").await?;
        }
        world.clear().await
    }

    /// Starts it.
    pub(crate) fn start(self, world: &World) -> Result<Running> {
        self.start_with(world, &[])
    }

    /// Starts it with further arguments.
    pub(crate) fn start_with(self, world: &World, more: &[String]) -> Result<Running> {
        let env = &world.env;
        let me = std::env::current_exe()?;
        let mut command = match self {
            Self::Ours => {
                let mut command = Command::new(me);
                command
                    .args(["relay", "--app-url", world.urls.app.expose_secret()])
                    .args(["--system-url", world.urls.system.expose_secret()]);
                command.args(["--brokers", &env.brokers]);
                command
            }
            // The superuser: a service's own logins may not lock what they publish.
            Self::Naive => {
                let mut command = Command::new(me);
                command.args(["naive", "--url", world.admin.as_str(), "--brokers", &env.brokers]);
                command
            }
            Self::Obix => {
                let mut command = Command::new(bench_report::peer("obix")?.join("obix"));
                command.args([world.admin.as_str(), &env.brokers]);
                command
            }
            Self::Debezium => {
                // The heap that Kafka Connect's own start script gives.
                let mut command = Command::new("java");
                command
                    .args([
                        "-server",
                        "-Xms256m",
                        "-Xmx2g",
                        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                        "-cp",
                    ])
                    .arg(bench_report::peer("debezium")?.join("libs/*"))
                    .arg("Relay");
                let admin = &world.admin;
                command
                    .args([admin.host_str().unwrap_or_default(), &admin.port().unwrap_or(5432).to_string()])
                    .args([admin.username(), admin.password().unwrap_or_default()])
                    .args([admin.path().trim_start_matches('/'), &env.brokers])
                    .arg(offsets(world));
                command
            }
        };
        command.args(more);
        std::fs::create_dir_all(env.out.join("logs"))?;
        let log = env.out.join("logs").join(format!("{self:?}.log").to_lowercase());
        let file = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start {}", self.name()))?;
        Ok(Running { child, log })
    }
}

fn offsets(world: &World) -> PathBuf {
    world.env.out.join("debezium.offsets")
}

/// A relay that runs; it is killed with this value.
pub(crate) struct Running {
    child: Child,
    /// What it wrote.
    pub(crate) log: PathBuf,
}

impl Running {
    pub(crate) fn process(&self) -> Process {
        Process::of(self.child.id())
    }

    /// Whether it ended by itself.
    pub(crate) fn ended(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('Z'))
    }

    /// Asks it to end, and waits.
    pub(crate) async fn stop(mut self) -> Result<()> {
        Command::new("kill").args(["-s", "TERM", &self.child.id().to_string()]).status()?;
        self.wait(Duration::from_secs(15)).await
    }

    /// Waits for its end.
    pub(crate) async fn wait(&mut self, patience: Duration) -> Result<()> {
        let end = Instant::now() + patience;
        while self.child.try_wait()?.is_none() {
            anyhow::ensure!(Instant::now() < end, "a relay does not end; see {}", self.log.display());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
