//! The services, each a process: what their own `main` does, with a point at which to die.

use std::fmt;
use std::io::stdout;

use anyhow::{Error, Result};
use clap::{Subcommand, ValueEnum};
use failpoint::CrashAt;
use service::{BoxError, Shutdown};
use settings::Env;

/// What a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Role {
    /// Owns documents.
    Document,
    /// Scans.
    Worker,
}

impl Role {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Document, Self::Worker];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Worker => "worker",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a process is told.
#[derive(clap::Args)]
pub struct Start {
    /// Kill yourself there, as `<point>=<count>`.
    #[arg(long)]
    crash_at: Option<CrashAt>,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// `document serve`
    Document,
    /// `worker serve`
    Worker,
    /// `document reconcile`
    Reconcile(document::reconcile::Args),
}

/// Runs until it is told to stop, or dies.
///
/// # Errors
/// The service's own.
pub async fn run(start: &Start) -> Result<()> {
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    if let Some(crash_at) = &start.crash_at {
        failpoint::arm(crash_at)?;
    }
    let ended: Result<(), BoxError> = match start.what {
        What::Document => {
            let config = document::Config::load(Env::from_process("DOCUMENT"))?;
            Box::pin(document::run(config, Shutdown::on_signals()?)).await
        }
        What::Worker => {
            let config = worker::Config::load(Env::from_process("WORKER"))?;
            Box::pin(worker::run(config, Shutdown::on_signals()?)).await
        }
        What::Reconcile(args) => {
            Box::pin(document::reconcile::run(Env::from_process("DOCUMENT"), args, &mut stdout())).await
        }
    };
    ended.map_err(Error::from_boxed)
}
