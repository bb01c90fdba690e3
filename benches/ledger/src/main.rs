#![doc = include_str!("../README.md")]
#![expect(clippy::print_stdout, reason = "a contender speaks to the harness")]

mod contender;
mod database;
mod ours;

use anyhow::Result;
use bench_report::{Args, Bound, Env, Report, Role, Sample, progress, ratio, turns};
use clap::Parser;

use crate::contender::{Balances, Load, World};
use crate::database::Ledger;

const UNIT: &str = "posting";
const MANY: &str = "Ten towns, 4 clients";
const ONE: &str = "One town, and with it one account at the provider, 16 clients";
const STORED: &str = "Charged payments that are there already, ten towns, 4 clients";
const TOWNS: u64 = 10;

const TPCB: &str = "pgbench, tpcb-like";
const SCRIPT: &str = "our statements by pgbench";
const LOCKED: &str = "our statements by pgbench, with balances by FOR UPDATE";
const CALA: &str = "cala-ledger 0.33.3";
const CHARGE: &str = "payment: a payment is charged";
const POST: &str = "payment: two postings and an event under a key";

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
    /// Only these parts: many, one, stored.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// The name of the result, where it is not the usual one's.
    #[arg(long, default_value = "ledger")]
    result: String,
    #[command(subcommand)]
    process: Option<Process>,
}

/// What a process of this program is, when it is not the harness.
#[derive(clap::Subcommand)]
enum Process {
    /// Posts by the payment service's own code.
    Ours(ours::Args),
}

#[tokio::main]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    if let Some(Process::Ours(args)) = cli.process {
        return Box::pin(ours::run(args)).await;
    }
    let wanted = |part: &str| cli.only.is_empty() || cli.only.iter().any(|only| only == part);
    let mut report = Report::new(cli.result, cli.args.rounds());
    let mut world = Box::pin(World::make(Env::load()?, TOWNS)).await?;
    if wanted("many") {
        progress("ten towns");
        many(&mut world, &mut report, cli.args).await?;
    }
    if wanted("one") {
        progress("one town");
        one(&mut world, &mut report, cli.args).await?;
    }
    if wanted("stored") {
        progress("growth");
        Box::pin(stored(&world.env, &mut report, cli.args)).await?;
    }
    goals(&mut report);
    report.finish(&world.env.out)
}

async fn many(world: &mut World, report: &mut Report, args: Args) -> Result<()> {
    let names = [TPCB, SCRIPT, CALA, CHARGE, POST];
    let load = Load { clients: 4, count: args.pick(800, 4_000) };
    for (_, place) in turns(args.rounds(), names.len()) {
        let (role, sample) = match names[place] {
            // pgbench connects within its turn, which has to be long enough for that not to count.
            TPCB => (Role::Limit, world.tpcb(Load { count: 3 * load.count, ..load }).await),
            SCRIPT => {
                let load = Load { count: 2 * load.count, ..load };
                (Role::Limit, contender::script(&world.env, &mut world.ledger, load, Balances::Summed).await)
            }
            CALA => (Role::Peer, world.cala(load, TOWNS).await),
            CHARGE => (Role::Ours, contender::charge(&world.env, &mut world.ledger, load).await),
            _ => (Role::Ours, world.post(load).await),
        };
        report.add(MANY, names[place], role, UNIT, sample);
    }
    Ok(())
}

async fn one(world: &mut World, report: &mut Report, args: Args) -> Result<()> {
    let names = [SCRIPT, LOCKED, CALA, CHARGE];
    let load = Load { clients: 16, count: args.pick(800, 8_000) };
    for (_, place) in turns(args.rounds(), names.len()) {
        let (role, sample) = match names[place] {
            SCRIPT => {
                (Role::Limit, contender::script(&world.env, &mut world.hot, load, Balances::Summed).await)
            }
            LOCKED => {
                (Role::Peer, contender::script(&world.env, &mut world.hot, load, Balances::Locked).await)
            }
            CALA => (Role::Peer, world.cala(load, 1).await),
            _ => (Role::Ours, contender::charge(&world.env, &mut world.hot, load).await),
        };
        report.add(ONE, names[place], role, UNIT, sample);
    }
    Ok(())
}

/// Slope: beside one, ten and a hundred times as many payments that were charged before.
async fn stored(env: &Env, report: &mut Report, args: Args) -> Result<()> {
    let least = args.pick(200, 2_000);
    let load = Load { clients: 4, count: args.pick(400, 2_000) };
    let mut ledgers = Vec::new();
    for times in [1, 10, 100] {
        progress(&format!("storing {} payments", least * times));
        let name = format!("bench_ledger_{times}");
        ledgers.push((times, Ledger::make(env, &name, TOWNS, least * times).await?));
    }
    for (_, place) in turns(args.pick(1, 3), ledgers.len()) {
        let (times, ledger) = &mut ledgers[place];
        let sample = contender::charge(env, ledger, load).await;
        report.add(STORED, &grown(*times), Role::Ours, UNIT, sample);
    }
    Ok(())
}

fn grown(times: u64) -> String {
    format!("{CHARGE}, {times}×")
}

fn goals(report: &mut Report) {
    let rate = |section, name| report.median(section, name, |sample| sample.throughput);
    let mut goals = Vec::new();
    if report.has(MANY) {
        for ours in [CHARGE, POST] {
            for (other, least) in [(TPCB, 1.0), (CALA, 3.0)] {
                let times = ratio(rate(MANY, ours), rate(MANY, other));
                goals.push((format!("{ours}, × the rate of {other}"), Bound::AtLeast(least), times));
            }
        }
    }
    if report.has(ONE) {
        for other in [LOCKED, CALA] {
            let times = ratio(rate(ONE, CHARGE), rate(ONE, other));
            goals.push((format!("one town: × the rate of {other}"), Bound::AtLeast(3.0), times));
        }
    }
    if report.has(STORED) {
        // The process and the server together: work that moves from one to the other is no less.
        let of = |times| report.median(STORED, &grown(times), Sample::whole_cpu);
        for times in [10, 100] {
            let name = format!("CPU of a posting, process and server, {times}× over 1× stored payments");
            goals.push((name, Bound::AtMost(1.3), ratio(of(times), of(1))));
        }
    }
    for (name, bound, measured) in goals {
        report.goal(name, bound, measured);
    }
    report.compare(MANY, CHARGE, Sample::whole_cpu);
    report.compare(MANY, POST, Sample::whole_cpu);
    report.compare(ONE, CHARGE, Sample::whole_cpu);
}
