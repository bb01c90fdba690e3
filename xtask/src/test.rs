//! `cargo xtask test`: every test on servers of its own, on free ports, beside whatever else runs.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result};

use crate::compile::{self, Profile};
use crate::stack::private::{self, Plan};
use crate::stack::system::TEST_NEEDS;
use crate::stack::{SERVERS, Stack, TESTS, env};

/// What `test` can be told.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Leave the servers running, for the next run or for looking into them.
    #[arg(long)]
    keep: bool,
    /// Install missing system packages through sudo without asking.
    #[arg(long)]
    yes: bool,
    /// Handed to `cargo test`, for example `-p document -- uploads`.
    #[arg(last = true)]
    cargo: Vec<OsString>,
}

/// Starts servers, builds, tests, stops the servers; the last line says how many tests passed.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let totals = with_servers(args.keep, args.yes, |stack| counted(&mut cargo_test(stack, &args.cargo)?))?;
    say!("\n{} passed, {} failed", totals.passed, totals.failed);
    Ok(if totals.success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs `work` with fresh servers up and every program built, and takes the servers down again whatever comes of it.
pub(crate) fn with_servers<T>(keep: bool, yes: bool, work: impl FnOnce(&Stack) -> Result<T>) -> Result<T> {
    let mut stack = Stack::test()?;
    stack.yes = yes;
    let plan = Plan {
        name: TESTS,
        servers: SERVERS.iter().collect(),
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

/// What all test binaries of a run said together.
#[derive(Debug, Default, PartialEq, Eq)]
struct Totals {
    passed: u64,
    failed: u64,
    success: bool,
}

impl Totals {
    /// Adds a line like `test result: ok. 3 passed; 1 failed; …`; any other line changes nothing.
    fn add(&mut self, line: &str) {
        let Some((_, counts)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for count in counts.split("; ") {
            match count.split_once(' ') {
                Some((number, "passed")) => self.passed += number.parse().unwrap_or(0),
                Some((number, "failed")) => self.failed += number.parse().unwrap_or(0),
                _ => {}
            }
        }
    }
}

/// Runs tests, showing what they print and counting their results.
fn counted(command: &mut Command) -> Result<Totals> {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot run cargo")?;
    let mut totals = Totals::default();
    if let Some(stdout) = child.stdout.take() {
        let mut reader = BufReader::new(stdout);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            // Whoever read it may be gone; the tests go on.
            let _ = std::io::stdout().write_all(&line);
            totals.add(String::from_utf8_lossy(&line).trim_end());
            line.clear();
        }
    }
    totals.success = child.wait()?.success();
    Ok(totals)
}

#[cfg(test)]
mod tests {
    use super::Totals;

    #[test]
    fn results_of_all_binaries_are_summed() {
        let mut totals = Totals::default();
        totals.add(
            "test result: ok. 11 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.11s",
        );
        totals.add("test tests::something ... ok");
        totals.add("test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 3 filtered out; finished in 9.00s");
        assert_eq!((totals.passed, totals.failed), (13, 1));
    }
}
