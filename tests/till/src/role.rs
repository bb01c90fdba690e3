//! The services, each a process: what their own `main` does, with a point at which to die.

use std::fmt;
use std::io::stdout;

use anyhow::{Error, Result};
use clap::Subcommand;
use clock::Clock;
use failpoint::CrashAt;
use service::{BoxError, Shutdown};
use settings::Env;

/// What a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Owns what is killed here.
    Payment,
    /// Runs the workflows, sends the mails.
    Worker,
    /// Tells people.
    Notification,
    /// Has the files of bill runs.
    Document,
    /// Takes the provider's callbacks.
    Bff,
}

impl Role {
    /// Those that are killed.
    pub const KILLED: [Self; 2] = [Self::Payment, Self::Worker];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Worker => "worker",
            Self::Notification => "notification",
            Self::Document => "document",
            Self::Bff => "bff",
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
    /// `payment serve`
    Payment,
    /// `worker serve`
    Worker,
    /// `notification serve`
    Notification,
    /// `document serve`
    Document,
    /// `bff serve`
    Bff,
    /// `payment ledger`
    #[command(subcommand)]
    Ledger(payment::books::Command),
    /// `payment settlement`
    #[command(subcommand)]
    Settlement(payment::settlements::Command),
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
    let ended: Result<(), BoxError> = match &start.what {
        What::Payment => {
            let config = payment::Config::load(Env::from_process("PAYMENT"))?;
            Box::pin(payment::run(config, Shutdown::on_signals()?)).await
        }
        What::Worker => {
            let config = worker::Config::load(Env::from_process("WORKER"))?;
            Box::pin(worker::run(config, Shutdown::on_signals()?)).await
        }
        What::Notification => {
            let config = notification::Config::load(Env::from_process("NOTIFICATION"))?;
            Box::pin(notification::run(config, Shutdown::on_signals()?)).await
        }
        What::Document => {
            let config = document::Config::load(Env::from_process("DOCUMENT"))?;
            Box::pin(document::run(config, Shutdown::on_signals()?)).await
        }
        What::Bff => {
            let config = bff::Config::from_env(Env::from_process("BFF"))?;
            Box::pin(bff::run(config, Clock::system(), Shutdown::on_signals()?)).await
        }
        What::Ledger(command) => {
            payment::books::run(Env::from_process("PAYMENT"), command.clone(), &mut stdout()).await
        }
        What::Settlement(command) => {
            payment::settlements::run(Env::from_process("PAYMENT"), command.clone(), &mut stdout()).await
        }
    };
    ended.map_err(Error::from_boxed)
}
