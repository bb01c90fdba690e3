//! Running other programs: their output goes to a log, their failure comes back with its last lines.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Runs to the end with output appended to `log`; fails with the log's last lines.
pub(crate) fn run(command: &mut Command, log: &Path) -> Result<()> {
    let name = name_of(command);
    let out = append(log)?;
    let status = command
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .status()
        .with_context(|| format!("cannot run {name}"))?;
    if !status.success() {
        bail!("{name} failed ({status}); the end of {}:\n{}", log.display(), tail(log, 15));
    }
    Ok(())
}

/// Runs to the end and gives what it printed; fails with what it complained about.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let name = name_of(command);
    let out = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {name}"))?;
    if !out.status.success() {
        bail!("{name} failed ({}): {}", out.status, String::from_utf8_lossy(&out.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

/// A log file opened for appending, with its folder.
pub(crate) fn append(log: &Path) -> Result<File> {
    if let Some(dir) = log.parent() {
        fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("cannot write {}", log.display()))
}

/// The last `lines` lines of a file, indented; empty where there is none.
pub(crate) fn tail(file: &Path, lines: usize) -> String {
    let text = fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].iter().map(|line| format!("    {line}\n")).collect()
}

/// Blocks this thread; every wait of xtask goes through here and has a deadline.
#[expect(clippy::disallowed_methods, reason = "xtask has no async runtime whose thread it could block")]
pub(crate) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

/// Tries until it works or the deadline has passed, which gives the last error.
pub(crate) fn until<T, E>(deadline: Duration, mut attempt: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    let end = Instant::now() + deadline;
    loop {
        match attempt() {
            Ok(value) => return Ok(value),
            Err(error) if Instant::now() >= end => return Err(error),
            Err(_) => pause(Duration::from_millis(100)),
        }
    }
}

fn name_of(command: &Command) -> String {
    Path::new(command.get_program()).file_name().unwrap_or(OsStr::new("?")).to_string_lossy().into_owned()
}
