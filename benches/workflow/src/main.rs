#![doc = include_str!("../README.md")]

mod contender;
mod load;
mod ours;
mod owner;

use anyhow::Result;
use bench_report::{Args, Bound, Process, Report, Sample, progress, ratio, turns};
use clap::Parser;
use worker::temporal::{self, Temporal};

use crate::contender::{Contender, Places, Running};
use crate::load::{Done, Payers};
use crate::owner::Owner;

const UNIT: &str = "workflow";
const BURST: &str = "50 at a time: the capacity";
const ARRIVALS: &str = "At 40 % of the least capacity";
const WAITING: &str = "50 at a time, beside workflows that wait";
const AT_ONCE: usize = 50;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
    /// Only these parts: burst, arrivals, waiting; arrivals need the burst.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    #[command(subcommand)]
    program: Option<Program>,
}

/// What a process of this program is, when it is not the harness.
#[derive(clap::Subcommand)]
enum Program {
    /// Runs workflows as the worker does.
    Ours,
}

/// The whole bench.
struct Bench {
    args: Args,
    places: Places,
    owner: Owner,
    server: Process,
    report: Report,
    /// Workers so far, of which each has a task queue of its own.
    workers: u32,
}

#[tokio::main]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    if let Some(Program::Ours) = cli.program {
        return Box::pin(ours::run()).await;
    }
    let wanted = |part: &str| cli.only.is_empty() || cli.only.iter().any(|only| only == part);
    let (owner, address) = Owner::serve().await?;
    let places = Places {
        temporal: testkit::env().temporal_url().parse()?,
        owner: address,
        issuer: testkit::tokens().await,
    };
    let report = Report::new("workflow", cli.args.rounds());
    let server = bench_report::server("temporal")?;
    let mut bench = Bench { args: cli.args, places, owner, server, report, workers: 0 };
    if wanted("burst") {
        progress("what each can do");
        bench.burst().await?;
    }
    if wanted("arrivals") {
        progress("latency at a fixed rate");
        bench.arrivals().await?;
    }
    if wanted("waiting") {
        progress("growth");
        bench.waiting().await?;
    }
    bench.goals();
    bench.report.finish(&bench_report::out()?)
}

impl Bench {
    async fn burst(&mut self) -> Result<()> {
        let count = self.args.pick(100, 600);
        for (_, place) in turns(self.args.rounds(), Contender::ALL.len()) {
            let contender = Contender::ALL[place];
            let done = self.turn(contender, 0, Load::Burst(count)).await;
            self.add(BURST, contender.name(), contender, done);
        }
        Ok(())
    }

    async fn arrivals(&mut self) -> Result<()> {
        let rates =
            Contender::ALL.map(|one| self.report.median(BURST, one.name(), |sample| sample.throughput));
        // Who has no capacity has failed, and keeps nobody from being measured.
        let Some(least) = rates.into_iter().flatten().reduce(f64::min) else { return Ok(()) };
        let (rate, seconds) = (0.4 * least, self.args.pick(5.0, 20.0));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some hundreds")]
        let count = (rate * seconds).ceil() as u64;
        for (_, place) in turns(self.args.rounds(), Contender::ALL.len()) {
            let contender = Contender::ALL[place];
            let done = self.turn(contender, 0, Load::Arrivals(count, rate)).await;
            self.add(ARRIVALS, contender.name(), contender, done);
        }
        self.report.note(format!("Arrivals: {rate:.1} a second."));
        Ok(())
    }

    /// Slope: beside one, ten and a hundred times as many workflows that wait. The cache keeps 500 of them.
    async fn waiting(&mut self) -> Result<()> {
        let (least, count) = (self.args.pick(1, 20), self.args.pick(50, 300));
        let times = [1, 10, 100];
        for (_, place) in turns(self.args.pick(1, 3), times.len()) {
            let done = self.turn(Contender::Ours, least * times[place], Load::Burst(count)).await;
            self.add(WAITING, &beside(times[place]), Contender::Ours, done);
        }
        Ok(())
    }

    fn add(&mut self, section: &str, name: &str, contender: Contender, done: Result<Done>) {
        if let Ok(done) = &done {
            progress(&format!("{:.0} % waited by a timer when they were wanted", done.waited * 100.0));
        }
        self.report.add(section, name, contender.role(), UNIT, done.map(|done| done.sample));
    }

    /// One turn: starts a worker, warms it, has so many workflows wait, measures, stops it.
    async fn turn(&mut self, contender: Contender, waiting: u64, load: Load) -> Result<Done> {
        self.workers += 1;
        let task_queue = format!("bench-{}", self.workers);
        let settings = temporal::Settings {
            url: self.places.temporal.clone(),
            namespace: "guildhall".to_owned(),
            task_queue: task_queue.clone(),
            api_key: None,
        };
        let payers = Payers { owner: &self.owner, temporal: Temporal::new(&settings), server: self.server };
        let running = contender.start(&self.places, &task_queue)?;
        let done = work(&running, &payers, waiting, load).await;
        let stopped = running.stop().await;
        let done = done?;
        stopped?;
        Ok(done)
    }

    fn goals(&mut self) {
        let cost = |contender: Contender| {
            self.report.median(BURST, contender.name(), |sample| sample.cpu_us_per_unit)
        };
        let mut goals = Vec::new();
        if self.report.has(BURST) {
            for (peer, most) in [(Contender::Go, 1.0), (Contender::Python, 0.4)] {
                let name = format!("CPU of a workflow, × {}", peer.name());
                goals.push((name, Bound::AtMost(most), ratio(cost(Contender::Ours), cost(peer))));
            }
        }
        if self.report.has(WAITING) {
            let of = |times| self.report.median(WAITING, &beside(times), Sample::whole_cpu);
            for times in [10, 100] {
                let name = format!("CPU of a workflow, worker and server, {times}× over 1× that wait");
                goals.push((name, Bound::AtMost(1.3), ratio(of(times), of(1))));
            }
        }
        for (name, bound, measured) in goals {
            self.report.goal(name, bound, measured);
        }
        self.report.compare(BURST, Contender::Ours.name(), |sample| sample.cpu_us_per_unit);
    }
}

/// How the workflows of a turn are begun.
#[derive(Clone, Copy)]
enum Load {
    /// So many, as fast as they end.
    Burst(u64),
    /// So many, at a rate.
    Arrivals(u64, f64),
}

async fn work(running: &Running, payers: &Payers<'_>, waiting: u64, load: Load) -> Result<Done> {
    let worker = running.process()?;
    // Until it polls nothing goes on, and until it has done some its code is cold.
    payers.burst(worker, 20, AT_ONCE).await?;
    payers.begin(waiting).await?;
    match load {
        Load::Burst(count) => payers.burst(worker, count, AT_ONCE).await,
        Load::Arrivals(count, rate) => payers.arrivals(worker, count, rate).await,
    }
}

fn beside(times: u64) -> String {
    format!("{}, {times}×", Contender::Ours.name())
}
