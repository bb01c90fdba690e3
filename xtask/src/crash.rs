//! `cargo xtask crash`: the running services under kills.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::compile::{self, Profile};
use crate::stack::env;
use crate::test;

/// What `crash` can be told.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Kills the running services during concurrent journeys.
    Journeys(Journeys),
}

#[derive(clap::Args)]
struct Journeys {
    /// Journeys in all.
    #[arg(long, default_value_t = 50)]
    journeys: usize,
    /// How often each service is killed.
    #[arg(long, default_value_t = 1)]
    kills: usize,
    /// Install missing system packages through sudo without asking.
    #[arg(long)]
    yes: bool,
}

/// Runs what was asked for; fails when anything was lost, doubled or out of order.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    match &args.what {
        What::Journeys(args) => journeys(args),
    }
}

/// Kills services during journeys, on servers of their own.
fn journeys(args: &Journeys) -> Result<ExitCode> {
    test::with_servers(false, args.yes, |stack| {
        let status = Command::new(compile::program(Profile::Dev, "crash")?)
            .args(["--journeys", &args.journeys.to_string(), "--kills", &args.kills.to_string()])
            .envs(env::variables(stack))
            .status()
            .context("cannot run the crash test")?;
        Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}
