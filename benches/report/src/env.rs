//! What `cargo xtask bench` tells a harness.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::Process;

/// What every harness can be told on its command line.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Args {
    /// Small runs that show whether it works; their figures mean little.
    #[arg(long)]
    pub quick: bool,
    /// Rounds of each measurement; five unless told, two with --quick.
    #[arg(long)]
    rounds: Option<usize>,
}

impl Args {
    /// How many rounds.
    #[must_use]
    pub fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 2 } else { 5 }).max(1)
    }

    /// `full`, or `quick` in a quick run.
    pub fn pick<T>(&self, quick: T, full: T) -> T {
        if self.quick { quick } else { full }
    }
}

/// Servers and folders of this run.
#[derive(Clone, Debug)]
pub struct Env {
    /// The superuser's URL.
    pub postgres_url: String,
    /// The bootstrap list.
    pub brokers: String,
    /// The server process, with its children.
    pub postgres: Process,
    /// The broker; absent in a bench without Kafka.
    pub kafka: Option<Process>,
    /// Where the result goes.
    pub out: PathBuf,
}

impl Env {
    /// Reads the variables.
    ///
    /// # Errors
    /// When the harness was not started by `cargo xtask bench`.
    pub fn load() -> Result<Self> {
        let kafka = std::env::var("BENCH_PID_KAFKA").is_ok();
        Ok(Self {
            postgres_url: var("GUILDHALL_PG_ADMIN_URL")?,
            brokers: var("GUILDHALL_KAFKA_BROKERS")?,
            postgres: server("postgres")?,
            kafka: kafka.then(|| server("kafka")).transpose()?,
            out: out()?,
        })
    }

    /// Class path of Kafka's own tools.
    ///
    /// # Errors
    /// When the run has no Kafka.
    pub fn kafka_classpath(&self) -> Result<String> {
        Ok(format!("{}/*", var("BENCH_KAFKA_LIBS")?))
    }

    /// A program of PostgreSQL.
    ///
    /// # Errors
    /// When the folder of its programs is not known.
    pub fn postgres_program(&self, name: &str) -> Result<PathBuf> {
        Ok(PathBuf::from(var("BENCH_POSTGRES_BIN")?).join(name))
    }
}

/// Where the result goes.
///
/// # Errors
/// When the harness was not started by `cargo xtask bench`.
pub fn out() -> Result<PathBuf> {
    var("BENCH_OUT").map(PathBuf::from)
}

/// The process of a server, by its name in the stack.
///
/// # Errors
/// When the run has no such server.
pub fn server(name: &str) -> Result<Process> {
    let variable = format!("BENCH_PID_{}", name.to_uppercase());
    Ok(Process::of(var(&variable)?.parse().context(variable)?))
}

/// The folder in which the peer `benches/<path>/<name>` was built.
///
/// # Errors
/// When it was not built.
pub fn peer(name: &str) -> Result<PathBuf> {
    var(&format!("BENCH_PEER_{}", name.to_uppercase().replace('-', "_"))).map(PathBuf::from)
}

fn var(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| format!("{name} is not set; run `cargo xtask bench <path>`"))
}
