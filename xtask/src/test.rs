//! `cargo xtask test`: every test on servers of its own, on free ports, beside whatever else runs.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result};

use crate::compile::{self, Profile};
use crate::stack::private::{self, Plan};
use crate::stack::system::TEST_NEEDS;
use crate::stack::{SERVERS, Stack, TESTS, env, moto, stripe_mock};

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

/// More failures than this are no accident; they are not tried again.
const MOST_FLAKY: usize = 5;

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

/// What all test binaries of a run said together.
#[derive(Debug, Default, PartialEq, Eq)]
struct Totals {
    passed: u64,
    failed: u64,
    /// Names of the tests that failed.
    failures: Vec<String>,
    success: bool,
}

impl Totals {
    /// Whether each failure is a test with a name (nothing crashed, nothing failed to build), and they are few.
    fn may_be_flaky(&self) -> bool {
        (1..=MOST_FLAKY).contains(&self.failures.len()) && self.failures.len() as u64 == self.failed
    }

    /// What remains once the failed ones ran again, and which of them passed then.
    fn after(mut self, second: &Self) -> (Self, Vec<String>) {
        // A name that is met in several binaries passes when it passes in each.
        let flaky: Vec<_> =
            self.failures.iter().filter(|name| !second.failures.contains(*name)).cloned().collect();
        // A run that ended early says nothing about what it did not get to.
        if second.passed + second.failed < self.failed {
            return (self, Vec::new());
        }
        self.failures.retain(|name| second.failures.contains(name));
        self.passed += flaky.len() as u64;
        self.failed -= flaky.len() as u64;
        self.success = second.success;
        (self, flaky)
    }

    /// Adds a line like `test result: ok. 3 passed; 1 failed; …`, or the name out of one like `test a::b ... FAILED`;
    /// any other line changes nothing.
    fn add(&mut self, line: &str) {
        if let Some(name) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED")) {
            self.failures.push(name.to_owned());
            return;
        }
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

    fn first() -> Totals {
        let mut totals = Totals::default();
        totals.add("test a::passes ... ok");
        totals.add("test a::fails ... FAILED");
        totals.add("test a::fails_always ... FAILED");
        totals.add("test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 9.00s");
        totals
    }

    #[test]
    fn what_passes_when_run_again_is_flaky_and_what_does_not_has_failed() {
        let mut second = Totals::default();
        second.add("test a::fails ... ok");
        second.add("test a::fails_always ... FAILED");
        second.add("test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 1 filtered out; finished in 1.00s");
        let (totals, flaky) = first().after(&second);
        assert_eq!((totals.passed, totals.failed, totals.success), (2, 1, false));
        assert_eq!(totals.failures, ["a::fails_always"]);
        assert_eq!(flaky, ["a::fails"]);
    }

    #[test]
    fn a_second_run_that_ends_early_excuses_nothing() {
        let (totals, flaky) = first().after(&Totals { success: true, ..Totals::default() });
        assert_eq!((totals.passed, totals.failed, totals.success), (1, 2, false));
        assert!(flaky.is_empty());
    }

    #[test]
    fn neither_many_failures_nor_failures_without_a_name_are_tried_again() {
        assert!(first().may_be_flaky());
        assert!(!Totals { failed: 3, ..first() }.may_be_flaky());
        assert!(!Totals { failed: 6, failures: vec![String::new(); 6], ..Totals::default() }.may_be_flaky());
        assert!(!Totals { success: false, ..Totals::default() }.may_be_flaky());
    }
}
