#![doc = include_str!("../README.md")]

mod broker;
mod contender;
mod drain;
mod goals;
mod latency;
mod limits;
mod naive;
mod relay;
mod slope;
mod world;
mod writers;

use anyhow::Result;
use bench_report::{Args, Env, Report, progress};
use clap::Parser;

use world::World;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
    /// Only these parts: limits, drain, latency, writers, backlog, slope.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// The name of the result, where it is not the usual one's.
    #[arg(long, default_value = "outbox")]
    result: String,
    #[command(subcommand)]
    process: Option<Process>,
}

/// What a process of this program is, when it is not the harness.
#[derive(clap::Subcommand)]
enum Process {
    /// The relay under test.
    Relay(relay::Args),
    /// What people write when they need an outbox by tomorrow.
    Naive(naive::Args),
}

#[tokio::main]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    match cli.process {
        Some(Process::Relay(args)) => return Box::pin(relay::run(args)).await,
        Some(Process::Naive(args)) => return naive::run(args).await,
        None => {}
    }
    let wanted = |part: &str| cli.only.is_empty() || cli.only.iter().any(|only| only == part);
    let args = cli.args;
    let world = World::new(Env::load()?).await?;
    let mut report = Report::new(cli.result, args.rounds());
    if wanted("limits") {
        progress("the raw tools");
        limits::measure(&world, &mut report, args).await?;
    }
    if wanted("drain") {
        progress("draining a table");
        drain::measure(&world, &mut report, args).await?;
    }
    if wanted("latency") {
        progress("latency at a fixed rate");
        latency::measure(&world, &mut report, args).await?;
    }
    if wanted("writers") {
        progress("what writers lose");
        writers::measure(&world, &mut report, args).await?;
    }
    if wanted("backlog") {
        progress("a backlog of 180,000");
        slope::backlog(&world, &mut report, args).await?;
    }
    if wanted("slope") {
        progress("growth");
        slope::measure(&world, &mut report, args).await?;
    }
    goals::add(&mut report);
    report.finish(&world.env.out)
}
