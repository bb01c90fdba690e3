//! A contender that is a process of its own: it says when it is warm, is told to go, and says when it is done.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use crate::{Cpu, Process, Sample};

/// What a contender has used between "go" and "made".
#[derive(Clone, Copy, Debug)]
pub struct Made {
    /// CPU of it and of all that it started.
    pub cpu: Cpu,
    /// CPU of the server that it works on, where there is one.
    pub server_cpu: Option<Cpu>,
    /// How long it took.
    pub seconds: f64,
    /// What was resident in the end, of it and of all that it started.
    pub rss_mib: f64,
}

impl Made {
    /// What each of `units` took.
    #[must_use]
    pub fn sample(self, units: u64) -> Sample {
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
        let throughput = units as f64 / self.seconds;
        Sample {
            throughput: Some(throughput),
            cpu_us_per_unit: Some(self.cpu.per(units)),
            servers_cpu_us_per_unit: self.server_cpu.map(|cpu| cpu.per(units)),
            rss_mib: Some(self.rss_mib),
            ..Sample::default()
        }
    }
}

/// Starts `command`, which writes `warm`, reads a line, does its work, writes `made <count>`, and ends when its input does. Lines of JSON
/// are its log.
///
/// # Errors
/// When it says something else, or fails.
pub fn rehearsed(command: &mut Command, count: u64, server: Option<Process>) -> Result<Made> {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut running =
        Running(child.with_context(|| format!("cannot start {}", command.get_program().display()))?);
    running.measure(count, server)
}

/// A contender's process, which does not outlive its turn.
struct Running(Child);

impl Running {
    fn measure(&mut self, count: u64, server: Option<Process>) -> Result<Made> {
        let mut said = BufReader::new(self.0.stdout.take().context("it has no output")?).lines();
        let mut told = self.0.stdin.take().context("it has no input")?;
        let mut expect = |what: &str| -> Result<()> {
            loop {
                let line = said.next().context("it has ended")??;
                if !line.starts_with('{') {
                    ensure!(line == what, "it says {line:?}, not {what:?}");
                    return Ok(());
                }
            }
        };
        let process = Process::of(self.0.id());
        let beside = || server.map(Process::tree_cpu);
        expect("warm")?;
        let (start, before, server_before) = (Instant::now(), process.tree_cpu(), beside());
        writeln!(told, "go")?;
        expect(&format!("made {count}"))?;
        let (cpu, seconds) = (process.tree_cpu() - before, start.elapsed().as_secs_f64());
        let server_cpu = beside().zip(server_before).map(|(after, before)| after - before);
        let rss_mib = process.tree_rss_mib();
        drop(told);
        ensure!(self.0.wait()?.success(), "it failed");
        Ok(Made { cpu, server_cpu, seconds, rss_mib })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Result<Made> {
        rehearsed(Command::new("sh").args(["-c", script]), 3, None)
    }

    #[test]
    fn a_contender_says_what_it_should_and_does_not_fail() {
        let made =
            shell("echo '{\"level\":\"INFO\"}'; echo warm; read go; echo made 3; read end; exit 0").unwrap();
        assert!(made.seconds > 0.0);
        for wrong in [
            "echo made 3",
            "echo warm; read go; echo made 2",
            "echo warm; read go",
            "echo warm; read go; echo made 3; read end; exit 1",
        ] {
            assert!(shell(wrong).is_err(), "{wrong}");
        }
    }
}
