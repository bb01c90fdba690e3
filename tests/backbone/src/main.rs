//! `backbone quick | full | commits`, started by `cargo xtask crash`; and `backbone role`, started by those.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::process::ExitCode;

use backbone::drive::{self, Commits, Full, Quick};
use backbone::roles::{self, Start};
use clap::Parser;

#[derive(Parser)]
enum Command {
    /// Two minutes of kills and faults.
    Quick(Quick),
    /// Kills and faults until every role was killed often enough.
    Full(Full),
    /// No kills: many events whose transactions commit late and out of order.
    Commits(Commits),
    /// One process of a role.
    Role(Start),
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Role(start) => {
            tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
            roles::run(&start).await.map(|()| true)
        }
        Command::Quick(args) => Box::pin(drive::quick(&args)).await,
        Command::Full(args) => Box::pin(drive::full(&args)).await,
        Command::Commits(args) => Box::pin(drive::commits(&args)).await,
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("FAILED: {error:#}");
            ExitCode::FAILURE
        }
    }
}
