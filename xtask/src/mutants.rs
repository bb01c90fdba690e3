//! `cargo xtask mutants`: faults put one by one into the code that decides about money, signatures and second tries, and whether its
//! unit tests notice.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, ensure};

use crate::compile;
use crate::stack::install::{self, Tool};
use crate::stack::system::{BUILD_NEEDS, RUST};
use crate::stack::{MUTANTS, Stack, system};
use crate::{paths, shell};

const VERSION: &str = "27.1.0";
const CARGO_MUTANTS: Tool = Tool {
    version: VERSION,
    needs: &[RUST],
    fill: |dir, log| install::rust_program(dir, log, "cargo-mutants", VERSION),
};

/// Code without IO: its tests need no server.
const FILES: [&str; 4] = [
    "services/payment/src/domain/**/*.rs",
    "libs/providers/src/signature/**/*.rs",
    "libs/providers/src/signature.rs",
    "libs/idempotency/src/{key,scope}.rs",
];
/// Of a hundred mutants that can be told from the code, so many are to be noticed.
const GOAL: usize = 90;

/// What `mutants` can be told.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The most mutants that are tried: where there are more, every n-th of them, spread over all files.
    #[arg(long, default_value_t = 200)]
    most: usize,
    /// Which of the n parts, from 0.
    #[arg(long, default_value_t = 0)]
    part: usize,
    /// Install missing system packages through sudo without asking.
    #[arg(long)]
    yes: bool,
}

/// Tries them, and lists those that nobody noticed. Fails below the goal.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let mut stack = Stack::private(MUTANTS)?;
    stack.yes = args.yes;
    ensure!(args.most > 0, "--most must be 1 or more");
    system::can_be_met(&stack, BUILD_NEEDS.iter())?;
    system::require(&stack, BUILD_NEEDS.iter())?;
    CARGO_MUTANTS.install(&stack, "cargo-mutants")?;
    let all = listed(&stack, &[])?;
    let parts = all.len().div_ceil(args.most).max(1);
    ensure!(args.part < parts, "--part must be below {parts}");
    let part = [
        "--sharding".to_owned(),
        "round-robin".to_owned(),
        "--shard".to_owned(),
        format!("{}/{parts}", args.part),
    ];
    let chosen = listed(&stack, &part)?;
    stack.progress.step("mutants", &format!("{} of {}", chosen.len(), all.len()));

    let out = paths::target();
    let mut attack = cargo_mutants(&stack)?;
    attack.args(&part).args(["--timeout", "180", "--no-shuffle", "--output"]).arg(&out);
    // To build as well as to run.
    attack.args(["--cargo-arg", "--lib"]);
    // It exits with more than 0 where one was missed, and where it could not begin.
    let ended = compile::watched(&mut attack, "mutants", stack.progress, &stack.log("mutants"));
    let outcome = Outcome::read(&out.join("mutants.out"))?;
    if outcome.tried() != chosen.len() {
        ended?;
    }
    ensure!(outcome.tried() == chosen.len(), "{} of {} were tried", outcome.tried(), chosen.len());
    for mutant in &outcome.missed {
        say!("missed   {mutant}");
    }
    let rest: Vec<_> = all.difference(&chosen).map(String::as_str).collect();
    let not_run = out.join("mutants.out/not-run.txt");
    fs::write(&not_run, rest.join("\n")).with_context(|| format!("cannot write {}", not_run.display()))?;
    say!("{}", outcome.line());
    say!("{} were not run: {}", rest.len(), not_run.display());
    Ok(if outcome.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What became of mutants.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    caught: usize,
    /// Tests went on for ever, which is noticed as well.
    timed_out: usize,
    /// It does not compile.
    unviable: usize,
    missed: Vec<String>,
}

impl Outcome {
    /// From what cargo-mutants writes.
    fn read(folder: &Path) -> Result<Self> {
        let lines = |name: &str| -> Result<Vec<String>> {
            let file = folder.join(name);
            let text =
                fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
            Ok(text.lines().map(str::to_owned).collect())
        };
        Ok(Self {
            caught: lines("caught.txt")?.len(),
            timed_out: lines("timeout.txt")?.len(),
            unviable: lines("unviable.txt")?.len(),
            missed: lines("missed.txt")?,
        })
    }

    fn tried(&self) -> usize {
        self.caught + self.timed_out + self.unviable + self.missed.len()
    }

    fn is_good(&self) -> bool {
        let noticed = self.caught + self.timed_out;
        noticed * 100 >= (noticed + self.missed.len()) * GOAL
    }

    fn line(&self) -> String {
        let Self { caught, timed_out, unviable, missed } = self;
        let told = caught + timed_out + missed.len();
        let share = (caught + timed_out) * 100 / told.max(1);
        format!(
            "{caught} caught, {timed_out} timed out, {} missed, {unviable} do not compile: {share} % noticed, goal {GOAL} %",
            missed.len()
        )
    }
}

/// The mutants that there are.
fn listed(stack: &Stack, part: &[String]) -> Result<BTreeSet<String>> {
    let listed = shell::output(cargo_mutants(stack)?.arg("--list").args(part))?;
    let listed: BTreeSet<String> = listed.lines().map(str::to_owned).collect();
    ensure!(!listed.is_empty(), "there are no mutants in {}", FILES.join(", "));
    Ok(listed)
}

/// cargo-mutants on our files, behind everything else that this machine does. It works on a copy of the tree.
fn cargo_mutants(stack: &Stack) -> Result<Command> {
    let mut command = Command::new("nice");
    command
        .args(["-n", "19"])
        .arg(install::folder("cargo-mutants", VERSION)?.join("bin/cargo-mutants"))
        .args(["mutants", "--colors", "never"])
        .args(FILES.iter().flat_map(|file| ["--file", file]))
        .current_dir(&stack.root)
        .env("CARGO_TARGET_DIR", paths::build()?.join("mutants"))
        // Each mutant is linked once and never looked into.
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("CARGO_INCREMENTAL", "1")
        // A fault that shows shows soon.
        .env("GUILDHALL_CASES", "500");
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noticed_is_a_share_of_what_can_be() {
        let outcome = |caught, timed_out, missed: usize| Outcome {
            caught,
            timed_out,
            unviable: 7,
            missed: vec!["src/a.rs:1:1: replace f with ()".to_owned(); missed],
        };
        assert!(outcome(89, 1, 10).is_good());
        assert!(!outcome(89, 0, 10).is_good());
        assert!(outcome(0, 0, 0).is_good());
        assert_eq!(outcome(89, 1, 10).tried(), 107);
        assert_eq!(
            outcome(89, 1, 10).line(),
            "89 caught, 1 timed out, 10 missed, 7 do not compile: 90 % noticed, goal 90 %"
        );
    }
}
