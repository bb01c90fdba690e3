#![doc = include_str!("../README.md")]
#![expect(clippy::print_stdout, reason = "a contender speaks to the harness")]

mod contender;
mod ours;
mod read;
mod task;

use std::path::{Path, PathBuf};

use anyhow::Result;
use bench_report::{Args, Bound, Report, Role, turns};
use clap::Parser;

use crate::contender::Contender;
use crate::task::Task;

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
    /// Renders with `pdf`.
    Ours {
        /// A [`Task`] as JSON.
        task: PathBuf,
    },
}

/// Lines of a bill, and how often each contender renders one in a turn: ours, the peers.
const SIZES: [(usize, u64, u64); 3] = [(1, 2_000, 60), (10, 1_500, 40), (100, 300, 8)];

fn main() -> Result<()> {
    let cli = Cli::parse();
    match cli.process {
        Some(Process::Ours { task }) => ours::run(&Task::load(&task)?),
        None => measure(cli.args, &bench_report::out()?),
    }
}

fn measure(args: Args, out: &Path) -> Result<()> {
    let mut report = Report::new("pdf", args.rounds());
    for (lines, ours, peers) in SIZES {
        for (_, place) in turns(args.rounds(), Contender::ALL.len()) {
            let contender = Contender::ALL[place];
            let full = if contender.role() == Role::Ours { ours } else { peers };
            let task = Task::new(lines, args.pick(full.div_ceil(10), full));
            report.add(&section(lines), contender.name(), contender.role(), "page", contender.turn(&task));
        }
    }
    let cost = |lines: usize, contender: Contender| {
        report.median(&section(lines), contender.name(), |sample| sample.cpu_us_per_unit)
    };
    let times = |lines: usize, peer: Contender| Some(cost(lines, peer)? / cost(lines, Contender::Ours)?);
    let mut goals = Vec::new();
    for (lines, _, _) in SIZES {
        let of = section(lines);
        goals.push((format!("{of}: CPU µs of a page"), Bound::AtMost(3_000.0), cost(lines, Contender::Ours)));
        let peer = times(lines, Contender::WeasyPrint);
        goals.push((format!("{of}: CPU of WeasyPrint, × ours"), Bound::AtLeast(20.0), peer));
    }
    // A page of many must not cost more than the page of a short bill: nothing grows faster than the bill.
    let slope = cost(100, Contender::Ours).zip(cost(1, Contender::Ours)).map(|(long, short)| long / short);
    goals.push(("CPU of a page, 100 lines to one".to_owned(), Bound::AtMost(2.0), slope));
    for (name, bound, measured) in goals {
        report.goal(name, bound, measured);
    }
    report.finish(out)
}

fn section(lines: usize) -> String {
    format!("A bill of {lines} line{}", if lines == 1 { "" } else { "s" })
}
