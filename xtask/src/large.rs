//! `cargo xtask large-upload`: gigabytes over a link that is cut, on servers of its own.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::compile::{self, Profile};
use crate::stack::private::{self, Plan};
use crate::stack::{LARGE, SERVERS, Stack, env, toxiproxy};

/// What `large-upload` can be told.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Size of the file; above what the scanner looks into. Three times as much is needed on the disk.
    #[arg(long, default_value_t = 5_000_000_000, value_parser = clap::value_parser!(u64).range(200_000_000..=5_000_000_000))]
    bytes: u64,
    /// How often the client's link to the object store is cut, each time in the midst of a part.
    #[arg(long, default_value_t = 10)]
    cuts: u32,
    /// Install missing system packages through sudo without asking.
    #[arg(long)]
    yes: bool,
}

/// Takes a file of that size from its first part to the download after its review; fails unless all of it held.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let mut stack = Stack::private(LARGE)?;
    stack.yes = args.yes;
    let plan = Plan {
        name: LARGE,
        servers: SERVERS.iter().chain([&toxiproxy::SERVER]).collect(),
        needs: &[],
        build: |stack| compile::programs(&stack.root, Profile::Dev, stack.progress, &stack.log("build")),
        keep: false,
    };
    private::with(&stack, &plan, |stack| {
        let status = Command::new(compile::program(Profile::Dev, "large-upload")?)
            .args(["--bytes", &args.bytes.to_string(), "--cuts", &args.cuts.to_string()])
            .args(["--toxiproxy", &toxiproxy::url(stack)])
            .envs(env::variables(stack))
            .status()
            .context("cannot run the large upload")?;
        Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}
