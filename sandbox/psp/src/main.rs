//! `psp ADDRESS:PORT`: a provider until SIGTERM. Its first line is its URL.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use clock::Clock;
use psp::{Account, Options};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// A card payment provider with a hosted checkout, for tests and for developers.
#[derive(Parser)]
#[command(name = "psp")]
struct Arguments {
    /// Where it listens, for example `127.0.0.1:0`.
    addr: String,
    /// Keeps everything in this file, and starts with what is in it.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Where payers find it, if that is not where it listens.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Accounts as a JSON list; two made-up ones without it.
    #[arg(long, value_name = "FILE")]
    accounts: Option<PathBuf>,
    /// Payments that are kept.
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
    options.public_url = arguments.public_url;
    options.limit = arguments.limit;
    if let Some(file) = &arguments.accounts {
        options.accounts = accounts(file)?;
    }
    let mut term = signal(SignalKind::terminate())?;
    let listener = TcpListener::bind(&arguments.addr).await.with_context(|| arguments.addr.clone())?;
    writeln!(std::io::stdout(), "http://{}", listener.local_addr()?)?;
    tokio::select! {
        served = psp::serve(listener, options) => served?,
        _ = term.recv() => {}
        done = tokio::signal::ctrl_c() => done?,
    }
    Ok(ExitCode::SUCCESS)
}

fn accounts(file: &Path) -> anyhow::Result<Vec<Account>> {
    let text = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is no list of accounts", file.display()))
}
