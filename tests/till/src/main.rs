//! `till payments`, `till run` and `till temporal`, started by `cargo xtask crash payments`; and `till role`, started by those.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::process::ExitCode;

use clap::Parser;
use till::drive::{Matrix, Outage, Run};
use till::role::{self, Start};

#[derive(Parser)]
enum Command {
    /// Kills both services at every point while the provider does everything wrong that it can, then judges.
    Payments(Matrix),
    /// Kills both services during a run of bills.
    Run(Run),
    /// Takes Temporal away under payments.
    Temporal(Outage),
    /// One process of a service.
    Role(Start),
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Role(start) => Box::pin(role::run(&start)).await.map(|()| true),
        Command::Payments(args) => Box::pin(args.run()).await,
        Command::Run(args) => Box::pin(args.run()).await,
        Command::Temporal(args) => Box::pin(args.run()).await,
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
