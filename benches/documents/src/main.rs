#![doc = include_str!("../README.md")]

mod load;
mod stages;
mod world;

use std::time::Duration;

use anyhow::Result;
use bench_report::{Args, Report, Role, Sample, out};
use clap::Parser;

use crate::load::{Citizens, Confirmed};
use crate::stages::Times;
use crate::world::World;

const UNIT: &str = "document";
const ALL: &str = "All at once: the capacity";
const FIXED: &str = "Confirm to ready, at 40 % of the capacity";
const STAGES: &str = "Where that time goes";
const MEMORY: &str = "Memory in the end";
const SHARE: f64 = 0.4;
/// Until the last document has come to its end.
const WITHIN: Duration = Duration::from_secs(180);

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
    /// Size of a document.
    #[arg(long, default_value_t = 1_000_000)]
    bytes: usize,
}

/// The whole bench.
struct Bench {
    world: World,
    citizens: Citizens,
    bytes: usize,
    report: Report,
}

#[tokio::main]
async fn main() -> Result<()> {
    let Cli { args, bytes } = Cli::parse();
    let world = World::start().await?;
    let citizens = Citizens::new(&world)?;
    let mut bench = Bench { world, citizens, bytes, report: Report::new("documents", args.rounds()) };
    // Connections are open and statements prepared before anything counts.
    bench.burst(args.pick(10, 50)).await?;
    for _ in 0..args.rounds() {
        let sample = bench.burst(args.pick(20, 200)).await;
        bench.report.add(ALL, "document and worker", Role::Ours, UNIT, sample);
    }
    let capacity = bench.report.median(ALL, "document and worker", |sample| sample.throughput);
    if let Some(capacity) = capacity {
        let rate = capacity * SHARE;
        for _ in 0..args.rounds() {
            bench.steady(rate, args.pick(5.0, 30.0)).await;
        }
        bench.report.note(format!("Arrivals: {rate:.1} a second."));
        for (process, name) in bench.world.services()?.into_iter().zip(["document", "worker"]) {
            let sample = Sample { rss_mib: Some(process.peak_mib()), ..Sample::default() };
            bench.report.add(MEMORY, name, Role::Ours, UNIT, Ok(sample));
        }
    }
    bench.report.finish(&out()?)
}

impl Bench {
    /// How many documents a second become ready when all are there.
    async fn burst(&self, count: usize) -> Result<Sample> {
        let issuer = &self.world.issuer;
        let staged = self.citizens.stage(issuer, count, self.bytes).await?;
        let before = self.world.cpu()?;
        let confirmed = self.citizens.confirm_all(issuer, staged).await?;
        let times = Times::wait(&self.world, &confirmed, WITHIN).await?;
        let after = self.world.cpu()?;
        self.citizens.all_ready(issuer, &confirmed).await?;
        let took = Duration::from_nanos(times.to - times.from).as_secs_f64();
        Ok(used(before, after, confirmed.len(), took))
    }

    /// How long documents take that arrive at a fixed rate.
    async fn steady(&mut self, rate: f64, seconds: f64) {
        match self.arrivals(rate, seconds).await {
            Ok((sample, mut times)) => {
                let whole = times.whole();
                let sample =
                    Sample { p50_ms: whole.p50_ms, p95_ms: whole.p95_ms, p99_ms: whole.p99_ms, ..sample };
                self.report.add(FIXED, "document and worker", Role::Ours, UNIT, Ok(sample));
                let stages: Vec<_> = times.stages().collect();
                for (name, stage) in stages {
                    self.report.add(STAGES, name, Role::Ours, UNIT, Ok(stage));
                }
            }
            Err(error) => self.report.add(FIXED, "document and worker", Role::Ours, UNIT, Err(error)),
        }
    }

    async fn arrivals(&self, rate: f64, seconds: f64) -> Result<(Sample, Times)> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some hundreds")]
        let count = (rate * seconds).ceil() as usize;
        let issuer = &self.world.issuer;
        let staged = self.citizens.stage(issuer, count, self.bytes).await?;
        let before = self.world.cpu()?;
        let confirmed: Vec<Confirmed> = self.citizens.confirm_at(issuer, staged, rate).await?;
        let times = Times::wait(&self.world, &confirmed, WITHIN).await?;
        let after = self.world.cpu()?;
        self.citizens.all_ready(issuer, &confirmed).await?;
        let took = Duration::from_nanos(times.to - times.from).as_secs_f64();
        Ok((used(before, after, confirmed.len(), took), times))
    }
}

type Cpus = (bench_report::Cpu, bench_report::Cpu);

fn used(before: Cpus, after: Cpus, count: usize, seconds: f64) -> Sample {
    let units = count as u64;
    #[expect(clippy::cast_precision_loss, reason = "some hundreds")]
    let throughput = count as f64 / seconds;
    Sample {
        throughput: Some(throughput),
        cpu_us_per_unit: Some((after.0 - before.0).per(units)),
        servers_cpu_us_per_unit: Some((after.1 - before.1).per(units)),
        ..Sample::default()
    }
}
