//! `custody run`, started by `cargo xtask crash documents`; and `custody role`, started by that.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::process::ExitCode;

use clap::Parser;
use custody::drive::{self, Run};
use custody::role::{self, Start};

#[derive(Parser)]
enum Command {
    /// Kills until every service was killed often enough, then judges.
    Run(Run),
    /// One process of a service.
    Role(Start),
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Role(start) => Box::pin(role::run(&start)).await.map(|()| true),
        Command::Run(args) => Box::pin(drive::run(&args)).await,
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
