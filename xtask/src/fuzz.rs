//! `cargo xtask fuzz`: the targets of `fuzz/`, one after the other, on inputs that are made up to reach new code.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};

use crate::compile;
use crate::stack::install::{self, Tool};
use crate::stack::system::{BUILD_NEEDS, RUST};
use crate::stack::{FUZZ, Stack, system};
use crate::{paths, shell};

const VERSION: &str = "0.13.2";
const CARGO_FUZZ: Tool = Tool {
    version: VERSION,
    needs: &[RUST],
    fill: |dir, log| install::rust_program(dir, log, "cargo-fuzz", VERSION),
};

/// Inputs that are committed elsewhere, and serve as seeds too.
const SAMPLES: [(&str, &str); 3] = [
    ("inspector", "services/worker/tests/samples"),
    ("sniff", "services/worker/tests/samples"),
    ("timestamp", "libs/timestamp/tests/samples"),
];

/// What `fuzz` can be told.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// One of `fuzz/fuzz_targets`; all of them unless told.
    target: Option<String>,
    /// How long each target runs.
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// `address` finds faults in unsafe code, of which Guildhall has none, in half as many executions.
    #[arg(long, default_value = "none")]
    sanitizer: String,
    /// Install missing system packages through sudo without asking.
    #[arg(long)]
    yes: bool,
}

/// Builds the targets, runs each, and says what they did. Fails when one crashed.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let mut stack = Stack::private(FUZZ)?;
    stack.yes = args.yes;
    let folder = stack.root.join("fuzz");
    let targets = chosen(targets(&folder)?, args.target.as_deref())?;
    system::can_be_met(&stack, BUILD_NEEDS.iter())?;
    system::require(&stack, BUILD_NEEDS.iter())?;
    CARGO_FUZZ.install(&stack, "cargo-fuzz")?;

    let mut build = cargo_fuzz(&stack, "build", &args.sanitizer)?;
    compile::watched(&mut build, "fuzz", stack.progress, &stack.log("build"))?;
    let mut crashed = false;
    let mut table = Vec::new();
    for target in &targets {
        stack.progress.step(target, &format!("running for {} s", args.seconds));
        let outcome = attack(&stack, target, args)?;
        stack.progress.step(target, &outcome.line());
        crashed |= outcome.crash.is_some();
        table.push((target, outcome));
    }
    say!();
    for (target, outcome) in table {
        say!("{target:<12} {}", outcome.line());
    }
    Ok(if crashed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What one run of a target came to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    executions: u64,
    /// Edges of the code that were reached.
    coverage: u64,
    /// Inputs that each reach something of their own.
    inputs: u64,
    /// The input that brought it down.
    crash: Option<String>,
}

impl Outcome {
    /// From what libFuzzer writes.
    fn read(log: &str) -> Self {
        let mut outcome = Self::default();
        for line in log.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let after = |name: &str| {
                let at = words.iter().position(|word| *word == name)?;
                words.get(at + 1)?.split('/').next()?.parse().ok()
            };
            if line.starts_with('#') {
                outcome.coverage = after("cov:").unwrap_or(outcome.coverage);
                outcome.inputs = after("corp:").unwrap_or(outcome.inputs);
            }
            outcome.executions = after("stat::number_of_executed_units:").unwrap_or(outcome.executions);
            if let Some((_, file)) = line.split_once("Test unit written to ") {
                outcome.crash = Some(file.to_owned());
            }
        }
        outcome
    }

    fn line(&self) -> String {
        let Self { executions, coverage, inputs, crash } = self;
        let end = crash.as_ref().map_or("no crash".to_owned(), |file| format!("CRASH on {file}"));
        format!("{executions} executions, {coverage} edges, {inputs} inputs, {end}")
    }
}

fn attack(stack: &Stack, target: &str, args: &Args) -> Result<Outcome> {
    // What was found before is where the next run begins; what is committed is never written to.
    let found = stack.data(&format!("corpus-{target}"))?;
    let crashes = stack.data("crashes")?;
    let mut run = cargo_fuzz(stack, "run", &args.sanitizer)?;
    run.arg(target).arg(found);
    let samples = SAMPLES.iter().filter(|(name, _)| *name == target).map(|(_, folder)| *folder);
    let seeds = format!("fuzz/seeds/{target}");
    run.args(
        samples.chain([seeds.as_str()]).map(|folder| stack.root.join(folder)).filter(|dir| dir.is_dir()),
    );
    run.arg("--").args([
        format!("-max_total_time={}", args.seconds),
        format!("-artifact_prefix={}/{target}-", crashes.display()),
        "-print_final_stats=1".to_owned(),
        // Far above what any input should take.
        "-timeout=10".to_owned(),
        "-malloc_limit_mb=64".to_owned(),
        "-rss_limit_mb=1024".to_owned(),
    ]);
    let log = stack.log(target);
    let _ = fs::remove_file(&log);
    let ended = shell::run(&mut run, &log);
    let text = fs::read(&log).with_context(|| format!("cannot read {}", log.display()))?;
    let outcome = Outcome::read(&String::from_utf8_lossy(&text));
    // Anything but a crash is a fault of the run.
    if outcome.crash.is_none() {
        ended?;
    }
    Ok(outcome)
}

/// A subcommand of cargo-fuzz, behind everything else that this machine does.
fn cargo_fuzz(stack: &Stack, subcommand: &str, sanitizer: &str) -> Result<Command> {
    let mut command = Command::new("nice");
    command
        .args(["-n", "19"])
        .arg(install::folder("cargo-fuzz", VERSION)?.join("bin/cargo-fuzz"))
        .args(["fuzz", subcommand, "--sanitizer", sanitizer, "--target-dir"])
        .arg(paths::build()?.join("fuzz"))
        .current_dir(stack.root.join("fuzz"))
        // Coverage and the sanitizer are options of a nightly compiler, which the stable one has all the same.
        .env("RUSTC_BOOTSTRAP", "1")
        .env_remove("CARGO_TARGET_DIR");
    Ok(command)
}

/// Every target, by the names of their files.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let files = fs::read_dir(folder.join("fuzz_targets")).context("cannot list fuzz/fuzz_targets")?;
    let files: Vec<PathBuf> = files.flatten().map(|entry| entry.path()).collect();
    let mut names: Vec<String> =
        files.iter().filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned())).collect();
    names.sort();
    Ok(names)
}

fn chosen(all: Vec<String>, wanted: Option<&str>) -> Result<Vec<String>> {
    match wanted {
        None => Ok(all),
        Some(name) if all.iter().any(|target| target == name) => Ok(vec![name.to_owned()]),
        Some(name) => bail!("there is no target {name:?}; there are {}", all.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libfuzzer_writes_is_understood() {
        let quiet = "\
INFO: seed corpus: files: 16 min: 2b max: 903b total: 6141b rss: 42Mb
#17	INITED cov: 310 ft: 511 corp: 14/5211b exec/s: 0 rss: 44Mb
#1048576	pulse  cov: 402 ft: 933 corp: 88/20Kb lim: 2048 exec/s: 52428 rss: 310Mb
#1200345	DONE   cov: 404 ft: 940 corp: 90/21Kb lim: 2048 exec/s: 52189 rss: 311Mb
stat::number_of_executed_units: 1200345
stat::peak_rss_mb:              311
";
        let outcome = Outcome { executions: 1_200_345, coverage: 404, inputs: 90, crash: None };
        assert_eq!(Outcome::read(quiet), outcome);
        let loud = "\
#17	INITED cov: 310 ft: 511 corp: 14/5211b exec/s: 0 rss: 44Mb
==1== ERROR: libFuzzer: deadly signal
artifact_prefix='/t/x-'; Test unit written to /t/x-crash-0a
";
        assert_eq!(Outcome::read(loud).crash.as_deref(), Some("/t/x-crash-0a"));
    }

    #[test]
    fn a_target_that_is_not_there_is_told_with_the_list() {
        let all = targets(&paths::root().join("fuzz")).unwrap();
        assert!(all.contains(&"inspector".to_owned()), "{all:?}");
        assert_eq!(chosen(all.clone(), Some("sniff")).unwrap(), ["sniff"]);
        let error = chosen(all, Some("none")).unwrap_err().to_string();
        assert!(error.contains("inspector"), "{error}");
    }
}
