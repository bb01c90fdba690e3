//! Stopping a stack: exactly what its state file names, services before the servers they use.

use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};

use super::process::Stopped;
use super::services::SERVICES;
use super::state::Entry;
use super::{Stack, compose};

/// Longer than the services' own hard deadline of 25 s.
const PATIENCE: Duration = Duration::from_secs(30);

/// Stops the stack of daily work.
pub(crate) fn run() -> Result<()> {
    stop(&Stack::development()?)
}

/// Stops everything of a stack that runs.
pub(crate) fn stop(stack: &Stack) -> Result<()> {
    let entries = stack.state.entries();
    let containers = stack.state.has_containers();
    if entries.is_empty() && !containers {
        stack.progress.step("stack", "nothing of it runs");
        return Ok(());
    }
    let (services, servers): (Vec<Entry>, Vec<Entry>) =
        entries.into_iter().partition(|entry| SERVICES.iter().any(|service| service.name == entry.name));
    // Services first: what they still have in hand needs the servers. Callers before those they call, one by one: a
    // worker that has sent a mail must still be able to report it.
    for service in SERVICES.iter().rev() {
        let own: Vec<Entry> = services.iter().filter(|entry| entry.name == service.name).cloned().collect();
        stop_all(stack, &own)?;
    }
    stop_all(stack, &servers)?;
    if containers {
        compose::down(stack, false)?;
    }
    Ok(())
}

fn stop_all(stack: &Stack, entries: &[Entry]) -> Result<()> {
    let failures: Vec<String> = thread::scope(|scope| {
        let stopping: Vec<_> =
            entries.iter().map(|entry| (&entry.name, scope.spawn(move || stop_one(stack, entry)))).collect();
        stopping
            .into_iter()
            .filter_map(|(name, thread)| {
                let outcome = thread.join().unwrap_or_else(|_| Err(anyhow!("xtask itself panicked")));
                outcome.err().map(|error| format!("{name}: {error:#}"))
            })
            .collect()
    });
    if !failures.is_empty() {
        bail!("{}", failures.join("\n"));
    }
    Ok(())
}

fn stop_one(stack: &Stack, entry: &Entry) -> Result<()> {
    let stopped = entry.identity.stop(&entry.stop_signal, PATIENCE)?;
    stack.state.stopped(&entry.name)?;
    let how = match stopped {
        Stopped::InOrder => "stopped",
        Stopped::Killed => "killed; it did not stop in time",
        Stopped::WasGone => "was gone already",
    };
    stack.progress.step(&entry.name, how);
    Ok(())
}
