//! `cargo xtask test`: every test on servers of its own, on free ports, beside whatever else runs.

mod totals;
mod watch;

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::compile::{self, Profile};
use crate::stack::private::{self, Plan};
use crate::stack::system::TEST_NEEDS;
use crate::stack::{SERVERS, Stack, TESTS, env, moto, stripe_mock};

use watch::counted;

/// What `test` can be told.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Leave the servers running, for the next run or for looking into them.
    #[arg(long)]
    keep: bool,
    /// Install missing system packages through sudo without asking.
    #[arg(long)]
    yes: bool,
    /// A test that failed has failed. Without this it may run once more, and is called flaky when it passes then.
    #[arg(long)]
    strict: bool,
    /// Handed to `cargo test`, for example `-p document -- uploads`.
    #[arg(last = true)]
    cargo: Vec<OsString>,
}

/// Starts servers, builds, tests, stops the servers; the last line says how many tests passed.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let (totals, flaky) = with_servers(args.keep, args.yes, |stack| {
        let first = counted(&mut cargo_test(stack, &args.cargo)?)?;
        if args.strict || !first.may_be_flaky() {
            return Ok((first, Vec::new()));
        }
        say!("\nonce more, alone: {}", first.failures.join(", "));
        let second = counted(&mut again(stack, &args.cargo, &first.failures)?)?;
        Ok(first.after(&second))
    })?;
    for name in &flaky {
        say!("\nflaky, a defect to be mended: {name}");
    }
    say!("\n{} passed, {} failed", totals.passed, totals.failed);
    Ok(if totals.success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The same run for nothing but the tests of these names.
fn again(stack: &Stack, args: &[OsString], names: &[String]) -> Result<Command> {
    let packages = args.iter().take_while(|arg| *arg != "--").cloned().collect::<Vec<_>>();
    let mut command = cargo_test(stack, &packages)?;
    command.args(["--", "--exact"]).args(names);
    Ok(command)
}

/// Runs `work` with fresh servers up and every program built, and takes the servers down again whatever comes of it.
pub(crate) fn with_servers<T>(keep: bool, yes: bool, work: impl FnOnce(&Stack) -> Result<T>) -> Result<T> {
    let mut stack = Stack::test()?;
    stack.yes = yes;
    let plan = Plan {
        name: TESTS,
        servers: SERVERS.iter().chain([&moto::SERVER, &stripe_mock::SERVER]).collect(),
        needs: &TEST_NEEDS,
        build: |stack| compile::programs(&stack.root, Profile::Dev, stack.progress, &stack.log("build")),
        keep,
    };
    private::with(&stack, &plan, work)
}

fn cargo_test(stack: &Stack, args: &[OsString]) -> Result<Command> {
    let mut command = compile::cargo(&stack.root)?;
    command.arg("test");
    let chosen = args.iter().take_while(|arg| *arg != "--").any(|arg| {
        let arg = arg.to_string_lossy();
        arg.starts_with("-p") || arg.starts_with("--package") || arg == "--workspace" || arg == "--all"
    });
    if !chosen {
        command.arg("--workspace");
    }
    // One failing crate must not hide the others.
    command.arg("--no-fail-fast").args(args).envs(env::variables(stack));
    Ok(command)
}
