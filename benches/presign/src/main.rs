#![doc = include_str!("../README.md")]
#![expect(clippy::print_stdout, reason = "a contender tells the harness what it measured")]

mod ours;
mod sdk;
mod task;

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use bench_report::{Args, Bound, Report, Role, turns};
use clap::Parser;
use tokio::process::Command;

use crate::task::{Signed, Task};

const SECTION: &str = "Signing an upload";

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
    #[command(subcommand)]
    process: Option<Process>,
}

/// What a process of this program is, when it is not the harness.
#[derive(clap::Subcommand)]
enum Process {
    /// Signs with `blobs`.
    Ours {
        /// How often.
        count: u64,
    },
    /// Signs with `aws-sdk-s3`.
    Sdk {
        /// How often.
        count: u64,
    },
}

/// Who takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Contender {
    Ours,
    Sdk,
    Js,
    Boto3,
}

impl Contender {
    const ALL: [Self; 4] = [Self::Ours, Self::Sdk, Self::Js, Self::Boto3];

    fn name(self) -> &'static str {
        match self {
            Self::Ours => "blobs::Blobs::presign_put",
            Self::Sdk => "aws-sdk-s3, presigned()",
            Self::Js => "@aws-sdk/s3-request-presigner 3.1162.0",
            Self::Boto3 => "boto3 1.44.5",
        }
    }

    fn role(self) -> Role {
        if self == Self::Ours { Role::Ours } else { Role::Peer }
    }

    /// Everybody is a process of its own, and measures itself once it is warm.
    fn command(self, task: &Task) -> Result<Command> {
        let mut command = match self {
            Self::Ours | Self::Sdk => Command::new(std::env::current_exe()?),
            Self::Js => Command::new("node"),
            Self::Boto3 => Command::new(bench_report::peer("boto3")?.join("venv/bin/python")),
        };
        match self {
            Self::Ours => command.args(["ours", &task.count.to_string()]),
            Self::Sdk => command.args(["sdk", &task.count.to_string()]),
            Self::Js => {
                command.arg(bench_report::peer("js")?.join("main.js")).arg(serde_json::to_string(task)?)
            }
            Self::Boto3 => {
                command.arg(bench_report::peer("boto3")?.join("main.py")).arg(serde_json::to_string(task)?)
            }
        };
        Ok(command)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    let signed = match cli.process {
        Some(Process::Ours { count }) => ours::run(&Task::new(count)?).await?,
        Some(Process::Sdk { count }) => sdk::run(&Task::new(count)?).await?,
        None => return measure(cli.args, &bench_report::out()?).await,
    };
    println!("{}", serde_json::to_string(&signed)?);
    Ok(())
}

async fn measure(args: Args, out: &Path) -> Result<()> {
    let mut report = Report::new("presign", args.rounds());
    for (_, place) in turns(args.rounds(), Contender::ALL.len()) {
        let contender = Contender::ALL[place];
        let count = args.pick(1_000, if contender.role() == Role::Ours { 50_000 } else { 10_000 });
        report.add(SECTION, contender.name(), contender.role(), "URL", turn(contender, count).await);
    }
    let cost =
        |contender: Contender| report.median(SECTION, contender.name(), |sample| sample.cpu_us_per_unit);
    let ours = cost(Contender::Ours);
    let times = |contender: Contender| Some(cost(contender)? / ours?);
    let goals = [
        ("CPU µs of a signature".to_owned(), Bound::AtMost(20.0), ours),
        (against(Contender::Sdk), Bound::AtLeast(10.0), times(Contender::Sdk)),
        (against(Contender::Js), Bound::AtLeast(20.0), times(Contender::Js)),
        (against(Contender::Boto3), Bound::AtLeast(50.0), times(Contender::Boto3)),
    ];
    for (name, bound, measured) in goals {
        report.goal(name, bound, measured);
    }
    report.finish(out)
}

fn against(contender: Contender) -> String {
    format!("CPU of {}, × ours", contender.name())
}

async fn turn(contender: Contender, count: u64) -> Result<bench_report::Sample> {
    let task = Task::new(count)?;
    let output = contender.command(&task)?.kill_on_drop(true).output().await?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let last = said.lines().last().context("it says nothing")?;
    let signed: Signed = serde_json::from_str(last).with_context(|| last.to_owned())?;
    task.check(signed).await
}
