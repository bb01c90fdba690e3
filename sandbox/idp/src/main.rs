//! `idp ADDRESS:PORT`: both providers until SIGTERM. Its first line is its URL.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use clock::Clock;
use idp::{Account, Options};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Two identity-verification providers, for tests and for developers.
#[derive(Parser)]
#[command(name = "idp")]
struct Arguments {
    /// Where it listens, for example `127.0.0.1:0`.
    addr: String,
    /// Keeps everything in this file, and starts with what is in it.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Accounts as a JSON list; two made-up ones at each provider without it.
    #[arg(long, value_name = "FILE")]
    accounts: Option<PathBuf>,
    /// Checks that are kept.
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    limit: usize,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            error.print()?;
            return Ok(ExitCode::from(if error.use_stderr() { 64 } else { 0 }));
        }
    };
    let mut options = Options::new(Clock::system());
    options.state = arguments.state;
    options.limit = arguments.limit;
    if let Some(file) = &arguments.accounts {
        options.accounts = accounts(file)?;
    }
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    let listener = TcpListener::bind(&arguments.addr).await.with_context(|| arguments.addr.clone())?;
    writeln!(std::io::stdout(), "http://{}", listener.local_addr()?)?;
    let stop = async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    };
    idp::serve(listener, options, stop).await?;
    Ok(ExitCode::SUCCESS)
}

fn accounts(file: &Path) -> anyhow::Result<Vec<Account>> {
    let text = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is no list of accounts", file.display()))
}
