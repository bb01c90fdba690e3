//! Who takes part, and a turn of one.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use bench_report::{Process, Role, Sample};

use crate::read::read;
use crate::task::Task;

/// Who takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contender {
    Ours,
    WeasyPrint,
    Chromium,
}

impl Contender {
    pub(crate) const ALL: [Self; 3] = [Self::Ours, Self::WeasyPrint, Self::Chromium];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "pdf::Renderer",
            Self::WeasyPrint => "WeasyPrint 70.0",
            Self::Chromium => "Chromium, puppeteer 25.16.0",
        }
    }

    pub(crate) fn role(self) -> Role {
        if self == Self::Ours { Role::Ours } else { Role::Peer }
    }

    fn command(self) -> Result<Command> {
        let mut command = match self {
            Self::Ours => Command::new(std::env::current_exe()?),
            Self::WeasyPrint => Command::new(bench_report::peer("weasyprint")?.join("venv/bin/python")),
            Self::Chromium => Command::new("node"),
        };
        match self {
            Self::Ours => command.arg("ours"),
            Self::WeasyPrint => command.arg(bench_report::peer("weasyprint")?.join("main.py")),
            Self::Chromium => command.arg(bench_report::peer("chromium")?.join("main.mjs")),
        };
        Ok(command)
    }

    /// It says when it is warm, is told to go, says when it is done, and is then told to end: between the two its CPU is
    /// counted, with that of its children.
    pub(crate) fn turn(self, task: &Task) -> Result<Sample> {
        let file = task.out.with_extension("json");
        fs::write(&file, serde_json::to_vec(task)?)?;
        let _ = fs::remove_file(&task.out);
        let mut command = self.command()?;
        let child = command.arg(&file).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut running = Running(child);
        let made = running.measure(task.count);
        let read = fs::read(&task.out).context("it left no PDF");
        let _ = (fs::remove_file(&file), fs::remove_file(&task.out));
        let (cpu, seconds, rss_mib) = made?;
        let (pages, text) = self::read(read?)?;
        for said in task.said() {
            ensure!(text.contains(&said), "{said} is not in what it made: {text}");
        }
        let made = pages * task.count;
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
        let throughput = made as f64 / seconds;
        Ok(Sample {
            throughput: Some(throughput),
            cpu_us_per_unit: Some(cpu.per(made)),
            rss_mib: Some(rss_mib),
            ..Sample::default()
        })
    }
}

/// A contender's process, which does not outlive its turn.
struct Running(Child);

impl Running {
    fn measure(&mut self, count: u64) -> Result<(bench_report::Cpu, f64, f64)> {
        let mut said = BufReader::new(self.0.stdout.take().context("it has no output")?).lines();
        let mut told = self.0.stdin.take().context("it has no input")?;
        let mut expect = |what: &str| -> Result<()> {
            let line = said.next().context("it has ended")??;
            ensure!(line == what, "it says {line:?}, not {what:?}");
            Ok(())
        };
        let process = Process::of(self.0.id());
        expect("warm")?;
        let (start, before) = (Instant::now(), process.tree_cpu());
        writeln!(told, "go")?;
        expect(&format!("made {count}"))?;
        let (cpu, seconds) = (process.tree_cpu() - before, start.elapsed().as_secs_f64());
        let rss_mib = process.tree_rss_mib();
        drop(told);
        ensure!(self.0.wait()?.success(), "it failed");
        Ok((cpu, seconds, rss_mib))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
