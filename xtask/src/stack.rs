//! The local stack: the servers Guildhall needs and its services, as plain processes of this machine.
//!
//! Everything of one stack lives in one folder (`target/stack`, or `target/test-stack` for `cargo xtask test`):
//! `state.json` says what runs, `logs/` has a file per server, `data/` what they keep, `env` how to reach them.

pub(crate) mod apt;
pub(crate) mod clamd;
pub(crate) mod compose;
pub(crate) mod down;
pub(crate) mod elasticmq;
pub(crate) mod env;
#[cfg(test)]
mod generated;
pub(crate) mod guard;
pub(crate) mod install;
pub(crate) mod kafka;
pub(crate) mod keycloak;
pub(crate) mod maildev;
pub(crate) mod moto;
pub(crate) mod ports;
pub(crate) mod postgres;
pub(crate) mod private;
pub(crate) mod process;
pub(crate) mod redis;
pub(crate) mod s3;
pub(crate) mod services;
pub(crate) mod state;
pub(crate) mod stripe_mock;
pub(crate) mod system;
pub(crate) mod temporal;
pub(crate) mod toxiproxy;
pub(crate) mod up;
pub(crate) mod versitygw;
pub(crate) mod way;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::compile::Profile;
use crate::paths;
use crate::progress::Progress;
use crate::shell;

use install::Tool;
use ports::{Port, Ports};
use process::Launch;
use state::State;
use system::Need;

/// What JVMs are set for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tuning {
    /// To start fast and stay small.
    Quick,
    /// To run for long and fast, as where they serve.
    Measured,
}

/// One stack: where it lives, on which ports, and what of it runs.
pub(crate) struct Stack {
    /// The workspace.
    pub(crate) root: PathBuf,
    /// This stack's folder.
    pub(crate) dir: PathBuf,
    pub(crate) ports: Ports,
    pub(crate) progress: Progress,
    pub(crate) state: State,
    /// How the services are built.
    pub(crate) profile: Profile,
    /// What its JVMs are set for.
    pub(crate) tuning: Tuning,
    /// System packages may be installed through sudo.
    pub(crate) yes: bool,
    /// Settings of PostgreSQL beside those of every stack, as `name=value`.
    pub(crate) postgres_settings: Vec<String>,
    /// A library that PostgreSQL's processes load before all others.
    pub(crate) postgres_preload: Option<PathBuf>,
    /// The port by which Kafka's clients come, where it is not the broker's own.
    pub(crate) kafka_advertises: Option<Port>,
    /// System packages are installed once, by whichever server needs them first.
    pub(crate) packages: OnceLock<Result<(), String>>,
    /// Held while the stack is changed.
    _lock: File,
}

impl Stack {
    /// The stack of daily work, in `target/stack`.
    pub(crate) fn development() -> Result<Self> {
        Self::open(&development_dir(), Ports::from_env)
    }

    /// The stack of `cargo xtask test`, on ports that are free now.
    pub(crate) fn test() -> Result<Self> {
        Self::private(TESTS)
    }

    /// A stack of one command's own, on ports that are free now; commands with different names do not meet.
    pub(crate) fn private(name: &str) -> Result<Self> {
        Self::open(&private_dir(name), |state| state.ports().map_or_else(Ports::free, Ok))
    }

    /// Opens a stack for changing it; fails when another xtask is at it.
    fn open(dir: &Path, ports: impl FnOnce(&State) -> Result<Ports>) -> Result<Self> {
        fs::create_dir_all(dir.join("logs")).with_context(|| format!("cannot create {}", dir.display()))?;
        fs::create_dir_all(dir.join("data"))?;
        let dir = dir.canonicalize()?;
        let lock = File::create(dir.join("lock"))?;
        // Long enough for another to finish stopping; not for one that tests.
        shell::until(Duration::from_secs(15), || lock.try_lock()).with_context(|| {
            format!("another xtask is at work on the stack in {}; wait for it", dir.display())
        })?;
        let root = paths::root();
        let state = State::load(&dir)?;
        Ok(Self {
            ports: ports(&state)?,
            progress: Progress::start(),
            packages: OnceLock::new(),
            _lock: lock,
            root,
            dir,
            state,
            yes: false,
            profile: Profile::Dev,
            tuning: Tuning::Quick,
            postgres_settings: Vec::new(),
            postgres_preload: None,
            kafka_advertises: None,
        })
    }

    /// The port of `port` in this stack.
    pub(crate) fn port(&self, port: Port) -> u16 {
        self.ports.get(port)
    }

    /// The log of a server.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        log_file(&self.dir, name)
    }

    /// A server's own folder of data, made on first use.
    pub(crate) fn data(&self, name: &str) -> Result<PathBuf> {
        let dir = self.dir.join("data").join(name);
        fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        Ok(dir)
    }
}

/// The folder of the stack of daily work.
pub(crate) fn development_dir() -> PathBuf {
    paths::target().join("stack")
}

/// The name of the tests' private stack.
pub(crate) const TESTS: &str = "test";

/// The name of the benches' private stack.
pub(crate) const BENCHES: &str = "bench";

/// The name of the crash tests' private stack.
pub(crate) const CRASH: &str = "crash";

/// The name of the folder that fuzzing keeps its finds in; it has no servers.
pub(crate) const FUZZ: &str = "fuzz";

/// The name of the folder that mutants are tried in; it has no servers.
pub(crate) const MUTANTS: &str = "mutants";

/// The name of the large upload's private stack.
pub(crate) const LARGE: &str = "large";

/// The tools of `cargo xtask charts`, which is a test as well: while others hold the stack of tests.
pub(crate) const CHARTS: &str = "charts";

/// Every private stack, for `clean`.
pub(crate) const PRIVATE: [&str; 7] = [TESTS, BENCHES, CRASH, FUZZ, MUTANTS, LARGE, CHARTS];

/// The folder of a private stack.
fn private_dir(name: &str) -> PathBuf {
    paths::target().join(format!("{name}-stack"))
}

/// Where a server of the stack in `dir` logs.
pub(crate) fn log_file(dir: &Path, name: &str) -> PathBuf {
    dir.join("logs").join(format!("{name}.log"))
}

/// What it takes to run one server.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    /// Programs of the system it runs on.
    pub(crate) needs: &'static [Need],
    /// How to get it where no package of the distribution brings it.
    pub(crate) tool: Option<Tool>,
    pub(crate) ports: &'static [Port],
    /// Writes its settings and says what to run.
    pub(crate) launch: fn(&Stack) -> Result<Launch>,
    /// Fails until it serves.
    pub(crate) ready: fn(&Stack) -> Result<()>,
    /// Makes what the services expect in it; may run again.
    pub(crate) provision: fn(&Stack) -> Result<()>,
}

impl Server {
    /// Programs of the system that are needed now: to run it, and to install it unless it is in the cache.
    pub(crate) fn needs_now(&self) -> impl Iterator<Item = &'static Need> {
        let tool = self.tool.as_ref().filter(|tool| !tool.is_cached(self.name));
        self.needs.iter().chain(tool.map_or(&[] as &[Need], |tool| tool.needs))
    }
}

/// Every server, the slowest to start first.
pub(crate) const SERVERS: [Server; 9] = [
    temporal::SERVER,
    keycloak::SERVER,
    kafka::SERVER,
    elasticmq::SERVER,
    versitygw::SERVER,
    postgres::SERVER,
    maildev::SERVER,
    clamd::SERVER,
    redis::SERVER,
];
