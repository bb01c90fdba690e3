//! Who takes part, and a turn of one.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use bench_report::{Role, Sample, rehearsed};

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
        let made = rehearsed(command.arg(&file), task.count, None);
        let read = fs::read(&task.out).context("it left no PDF");
        let _ = (fs::remove_file(&file), fs::remove_file(&task.out));
        let made = made?;
        let (pages, text) = self::read(read?)?;
        for said in task.said() {
            ensure!(text.contains(&said), "{said} is not in what it made: {text}");
        }
        Ok(made.sample(pages * task.count))
    }
}
