//! Building the workspace's programs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::progress::Progress;
use crate::{paths, shell};

/// How a service is built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Quick to build.
    #[default]
    Dev,
    /// As shipped; takes many times longer to build.
    Release,
}

impl Profile {
    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

/// A program of the workspace, once [`programs`] has built it.
pub(crate) fn program(profile: Profile, name: &str) -> Result<PathBuf> {
    Ok(paths::build()?.join(profile.folder()).join(name))
}

/// Everything but xtask, which is running, and the benches. One selection of packages for every purpose: another one would have
/// dependencies built again with other features.
const SELECTION: [&str; 5] = ["--workspace", "--exclude", "xtask", "--exclude", "bench-*"];

/// Builds every program of the workspace.
pub(crate) fn programs(root: &Path, profile: Profile, progress: Progress, log: &Path) -> Result<()> {
    let mut command = cargo(root)?;
    command.arg("build").args(SELECTION).arg("--bins");
    if profile == Profile::Release {
        command.arg("--release");
    }
    watched(&mut command, "build", progress, log)
}

/// Builds the program of a package that is called as it is, with one of its features, out of the same selection as [`programs`].
pub(crate) fn package(
    root: &Path,
    profile: Profile,
    name: &str,
    feature: &str,
    progress: Progress,
    log: &Path,
) -> Result<()> {
    let mut command = cargo(root)?;
    command.args(["build", "--locked"]).args(SELECTION).args(["--bin", name, "--features"]);
    command.arg(format!("{name}/{feature}"));
    if profile == Profile::Release {
        command.arg("--release");
    }
    watched(&mut command, "build", progress, log)
}

/// Cargo in the workspace.
pub(crate) fn cargo(root: &Path) -> Result<Command> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root).env("CARGO_TARGET_DIR", paths::build()?);
    Ok(command)
}

/// Runs something long with a line of its log every now and then.
pub(crate) fn watched(command: &mut Command, who: &str, progress: Progress, log: &Path) -> Result<()> {
    const EVERY: Duration = Duration::from_secs(15);
    let _ = std::fs::remove_file(log);
    let out = shell::append(log)?;
    progress.step(who, "running cargo");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .spawn()
        .context("cannot run cargo")?;
    let mut next = Instant::now() + EVERY;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() >= next {
            next += EVERY;
            progress.step(who, shell::tail(log, 1).trim());
        }
        shell::pause(Duration::from_millis(100));
    };
    if !status.success() {
        bail!("cargo failed; the end of {}:\n{}", log.display(), shell::tail(log, 40));
    }
    progress.step(who, "done");
    Ok(())
}
