//! A process that outlives xtask for one purpose: to stop a stack's servers when xtask dies before it could.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use super::process::Identity;
use super::{Stack, down};
use crate::shell;

/// What the hidden command `guard` is told.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The xtask to wait for.
    pid: u32,
    /// The name of its private stack.
    stack: String,
}

/// Starts a guard over this xtask's private stack, in a session of its own, where Ctrl-C does not reach it.
pub(crate) fn watch_over(stack: &Stack, name: &str) -> Result<()> {
    let log = shell::append(&stack.log("guard"))?;
    Command::new("setsid")
        .arg(std::env::current_exe()?)
        .args(["guard", &std::process::id().to_string(), name])
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("cannot start the guard that stops the servers when xtask is killed")?;
    Ok(())
}

/// Waits until the process is gone, then stops what it left of its stack.
pub(crate) fn run(args: &Args) -> Result<()> {
    // One that is gone already needs no waiting.
    if let Ok(xtask) = Identity::of(args.pid) {
        while xtask.is_alive() {
            shell::pause(Duration::from_millis(500));
        }
    }
    // A newer xtask that holds the stack by now looks after it itself.
    let Ok(stack) = Stack::private(&args.stack) else { return Ok(()) };
    down::stop(&stack)
}
