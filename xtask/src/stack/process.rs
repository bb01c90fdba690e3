//! Processes that outlive xtask: started in a session of their own, recognised again, stopped in good order.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::shell;

/// How to start a server.
pub(crate) struct Launch {
    /// The program; it must stay in the foreground.
    pub(crate) command: Command,
    /// The signal that stops it in good order.
    pub(crate) stop_signal: &'static str,
}

impl Launch {
    /// A program that stops in good order on SIGTERM.
    pub(crate) fn new(command: Command) -> Self {
        Self { command, stop_signal: "TERM" }
    }

    /// Starts it in a session of its own, so that closing the terminal or Ctrl-C leaves it running.
    pub(crate) fn start(&self, log: &Path) -> Result<Identity> {
        let out = shell::append(log)?;
        // setsid replaces itself by the program, so the child's id is the server's.
        let mut command = Command::new("setsid");
        command.arg(self.command.get_program()).args(self.command.get_args());
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(dir) = self.command.get_current_dir() {
            command.current_dir(dir);
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .with_context(|| format!("cannot start {}", self.command.get_program().to_string_lossy()))?;
        Identity::of(child.id())
    }
}

/// A process told apart from a later one of the same id by the moment it started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) pid: u32,
    /// Clock ticks between boot and its start.
    started: u64,
}

impl Identity {
    /// The process of this id now.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let (_, started) = stat(pid).with_context(|| format!("process {pid} ended at once"))?;
        Ok(Self { pid, started })
    }

    /// Whether it still runs.
    pub(crate) fn is_alive(&self) -> bool {
        stat(self.pid).is_some_and(|(state, started)| started == self.started && !matches!(state, 'Z' | 'X'))
    }

    /// Memory it keeps resident and the part of it that is its own, not its program's file; in MiB.
    pub(crate) fn memory_mib(&self) -> Option<(u64, u64)> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        let mib = |field: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(field))?;
            let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
            Some(kib.div_ceil(1024))
        };
        Some((mib("VmRSS:")?, mib("RssAnon:")?))
    }

    /// Asks it to stop and waits; kills it when it does not.
    pub(crate) fn stop(&self, signal: &str, patience: Duration) -> Result<Stopped> {
        if !self.is_alive() {
            return Ok(Stopped::WasGone);
        }
        self.signal(signal)?;
        if self.gone_within(patience) {
            return Ok(Stopped::InOrder);
        }
        self.signal("KILL")?;
        if self.gone_within(Duration::from_secs(5)) {
            return Ok(Stopped::Killed);
        }
        bail!("process {} does not even die of SIGKILL", self.pid)
    }

    fn signal(&self, signal: &str) -> Result<()> {
        let sent = Command::new("kill")
            .args(["-s", signal, "--"])
            .arg(self.pid.to_string())
            .stderr(Stdio::null())
            .status()?;
        if !sent.success() && self.is_alive() {
            bail!("this user may not stop process {}", self.pid);
        }
        Ok(())
    }

    fn gone_within(&self, patience: Duration) -> bool {
        shell::until(patience, || if self.is_alive() { bail!("alive") } else { Ok(()) }).is_ok()
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    WasGone,
    InOrder,
    Killed,
}

/// State letter and start time from `/proc/<pid>/stat`.
fn stat(pid: u32) -> Option<(char, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold spaces and parentheses itself; what follows the last one does not.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    Some((fields.first()?.chars().next()?, fields.get(19)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_recognised_while_it_runs_and_not_after() {
        let log = std::env::temp_dir().join(format!("xtask-process-{}.log", std::process::id()));
        let mut command = Command::new("sleep");
        command.arg("60");
        let identity = Launch::new(command).start(&log).unwrap();
        assert!(identity.is_alive());
        assert!(!Identity { started: identity.started + 1, ..identity.clone() }.is_alive());

        assert_eq!(identity.stop("TERM", Duration::from_secs(5)).unwrap(), Stopped::InOrder);
        assert!(!identity.is_alive());
        assert_eq!(identity.stop("TERM", Duration::from_secs(5)).unwrap(), Stopped::WasGone);
        fs::remove_file(log).unwrap();
    }
}
