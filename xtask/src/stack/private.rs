//! A stack that serves one command and is gone after it: fresh data, free ports, only the servers it needs.

use std::fs;
use std::thread;

use anyhow::{Context, Result, anyhow};

use super::system::{BUILD_NEEDS, Need};
use super::{Server, Stack, down, env, guard, system, up};

/// What a command needs of its private stack.
pub(crate) struct Plan {
    /// The stack's name, as it was opened.
    pub(crate) name: &'static str,
    pub(crate) servers: Vec<&'static Server>,
    /// Programs of the system beside those that building and the servers need.
    pub(crate) needs: &'static [Need],
    /// Builds what is to be run, while the servers start.
    pub(crate) build: fn(&Stack) -> Result<()>,
    /// Leave the servers running.
    pub(crate) keep: bool,
}

/// Runs `work` with fresh servers up and its programs built, and takes the servers down again whatever comes of it.
pub(crate) fn with<T>(stack: &Stack, plan: &Plan, work: impl FnOnce(&Stack) -> Result<T>) -> Result<T> {
    if stack.state.entries().is_empty() {
        discard_data(stack)?;
    }
    if !plan.keep {
        // Ctrl-C, or a build server's kill, must not leave servers behind.
        guard::watch_over(stack, plan.name)?;
    }
    let outcome = prepare(stack, plan).and_then(|()| {
        stack.progress.step(plan.name, "servers are up, programs are built");
        work(stack)
    });
    if plan.keep {
        stack
            .progress
            .step(plan.name, "servers stay up; a run without --keep, or `cargo xtask clean`, stops them");
        return outcome;
    }
    say!();
    let stopped = down::stop(stack);
    let value = outcome?;
    stopped?;
    Ok(value)
}

/// Servers and build side by side.
fn prepare(stack: &Stack, plan: &Plan) -> Result<()> {
    // What is missing is said before anything takes minutes.
    let build_and_more = || BUILD_NEEDS.iter().chain(plan.needs);
    let servers = plan.servers.iter().flat_map(|server| server.needs_now());
    system::can_be_met(stack, build_and_more().chain(servers))?;
    system::require(stack, build_and_more())?;
    thread::scope(|scope| {
        let build = scope.spawn(|| (plan.build)(stack));
        let started = up::bring_up(stack, &plan.servers).and_then(|()| env::write(stack));
        let built = build.join().unwrap_or_else(|_| Err(anyhow!("xtask itself panicked")));
        started.and(built)
    })
}

/// What an earlier run kept would only make this one slower. Keycloak's realm is the exception: it never changes.
fn discard_data(stack: &Stack) -> Result<()> {
    for entry in fs::read_dir(stack.dir.join("data"))?.flatten() {
        if entry.file_name() != "keycloak" {
            fs::remove_dir_all(entry.path())
                .with_context(|| format!("cannot remove {}", entry.path().display()))?;
        }
    }
    Ok(())
}
