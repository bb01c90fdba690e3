//! `cargo xtask bench consumer`: events from Kafka, each noted and counted once, beside batch inserts without Kafka and
//! other clients doing the same. See docs/performance.md.

mod contender;
mod database;
mod limit;
mod run;
mod topic;
mod work;

use anyhow::Result;
use bench_report::{Args, Bound, Env, Report, Role, Sample, turns};
use clap::Parser;

use crate::contender::{Contender, Kind};
use crate::database::Database;
use crate::limit::Statement;
use crate::run::Run;
use crate::topic::{KEYS, Topic};
use crate::work::Way;

const PATH: &str = "consumer";
const UNIT: &str = "event";
const MAIN: &str = "8 partitions";
const STORED: &str = "stored rows of the inbox";
const PARTITIONS: &str = "partitions";
const TENANTS: &str = "tenants whose events alternate";
const KILLED: &str = "killed and started again, until the first event is applied";

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
    #[command(subcommand)]
    program: Option<Program>,
}

/// What the harness starts as processes of their own.
#[derive(clap::Subcommand)]
enum Program {
    #[command(hide = true)]
    Ours { way: Way },
    #[command(hide = true)]
    Limit { statement: Statement, events: usize },
}

#[tokio::main]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    match cli.program {
        Some(Program::Ours { way }) => work::run(way).await,
        Some(Program::Limit { statement, events }) => limit::run(statement, events).await,
        None => Box::pin(measure(cli.args)).await,
    }
}

/// The whole bench.
struct Bench {
    args: Args,
    env: Env,
    report: Report,
    contenders: Vec<Contender>,
    events: usize,
}

async fn measure(args: Args) -> Result<()> {
    let env = Env::load()?;
    let events = args.pick(3, 24) * KEYS;
    let contenders = contender::all(events)?;
    let report = Report::new(PATH, args.rounds());
    let mut bench = Bench { args, env, report, contenders, events };
    let mut ours = Database::ours(&bench.env.postgres_url, "bench_ours").await?;
    let mut plain = Database::plain(&bench.env.postgres_url, "bench_plain").await?;
    let main = bench.fill(8, 1).await?;

    bench_report::progress("8 partitions, in rounds");
    for (_, place) in turns(args.rounds(), bench.contenders.len()) {
        let contender = bench.contenders[place].clone();
        let database = if contender.kind == Kind::Ours { &mut ours } else { &mut plain };
        bench.round(MAIN, contender.name, &contender, main, database).await;
    }
    bench.killed(main, &mut ours, &mut plain).await;
    bench.partitions(&mut ours, &mut plain).await?;
    bench.tenants(main, &mut ours).await?;
    bench.stored(main).await?;
    bench.goals();
    bench.report.finish(&bench.env.out)
}

impl Bench {
    async fn fill(&self, partitions: i32, tenants: usize) -> Result<Topic> {
        bench_report::progress(&format!("writing events to {partitions} partitions, {tenants} tenants"));
        let topic = Topic { partitions, tenants, events: self.events };
        topic.fill(&self.env.brokers).await?;
        Ok(topic)
    }

    async fn round(
        &mut self,
        section: &str,
        name: &str,
        contender: &Contender,
        topic: Topic,
        database: &mut Database,
    ) {
        let run = Run { env: &self.env, program: &contender.program, topic, events: contender.events };
        let sample = run.measure(database).await;
        self.report.add(section, name, contender.kind.role(), UNIT, sample);
    }

    fn ours(&self) -> Vec<Contender> {
        self.contenders.iter().filter(|contender| contender.kind == Kind::Ours).cloned().collect()
    }

    async fn killed(&mut self, topic: Topic, ours: &mut Database, plain: &mut Database) {
        for contender in self.contenders.clone() {
            let database = match contender.kind {
                Kind::Limit => continue,
                Kind::Peer => &mut *plain,
                Kind::Ours => &mut *ours,
            };
            for _ in 0..self.args.pick(1, 3) {
                let run =
                    Run { env: &self.env, program: &contender.program, topic, events: contender.events };
                let sample = run.killed(database).await;
                self.report.add(KILLED, contender.name, contender.kind.role(), UNIT, sample);
            }
        }
    }

    /// One, eight (measured already) and sixty-four.
    async fn partitions(&mut self, ours: &mut Database, plain: &mut Database) -> Result<()> {
        let topics = [self.fill(1, 1).await?, self.fill(64, 1).await?];
        for (_, place) in turns(self.args.pick(1, 3), topics.len()) {
            let topic = topics[place];
            for contender in self.contenders.clone() {
                let database = match contender.kind {
                    Kind::Limit => continue,
                    Kind::Peer => &mut *plain,
                    Kind::Ours => &mut *ours,
                };
                let name = format!("{}, {}", contender.name, topic.partitions);
                self.round(PARTITIONS, &name, &contender, topic, database).await;
            }
        }
        Ok(())
    }

    async fn tenants(&mut self, one: Topic, ours: &mut Database) -> Result<()> {
        let topics = [one, self.fill(8, 10).await?, self.fill(8, 100).await?];
        for (_, place) in turns(self.args.pick(1, 3), topics.len()) {
            for contender in self.ours() {
                let name = format!("{}, {}", contender.name, topics[place].tenants);
                self.round(TENANTS, &name, &contender, topics[place], ours).await;
            }
        }
        Ok(())
    }

    async fn stored(&mut self, topic: Topic) -> Result<()> {
        let least = self.args.pick(2_000, 20_000);
        let mut databases = Vec::new();
        for times in [1, 10, 100] {
            bench_report::progress(&format!("storing {} rows", least * times));
            let mut database =
                Database::ours(&self.env.postgres_url, &format!("bench_stored_{times}")).await?;
            database.store(least * times).await?;
            databases.push((times, database));
        }
        for (_, place) in turns(self.args.pick(1, 3), databases.len()) {
            let (times, database) = &mut databases[place];
            for contender in self.ours() {
                let name = format!("{}, {times}×", contender.name);
                self.round(STORED, &name, &contender, topic, database).await;
            }
        }
        Ok(())
    }

    fn goals(&mut self) {
        let rate = |name: &str| self.report.median(MAIN, name, |sample| sample.throughput);
        let best = |kind: Kind| {
            let rates = self.contenders.iter().filter(|contender| contender.kind == kind);
            rates.filter_map(|contender| rate(contender.name)).reduce(f64::max)
        };
        let (limit, ours) = (best(Kind::Limit), best(Kind::Ours));
        let mut goals =
            vec![("events a second, × the faster limit".to_owned(), Bound::AtLeast(0.6), ratio(ours, limit))];
        for peer in self.contenders.iter().filter(|contender| contender.kind == Kind::Peer) {
            let name = format!("events a second, × {}", peer.name);
            goals.push((name, Bound::AtLeast(1.2), ratio(ours, rate(peer.name))));
        }
        for contender in self.ours() {
            let name = contender.name;
            let slopes = [
                (STORED, format!("{name}, 100×"), STORED, format!("{name}, 1×"), "100× over 1× stored rows"),
                (PARTITIONS, format!("{name}, 64"), MAIN, name.to_owned(), "64 over 8 partitions"),
                (PARTITIONS, format!("{name}, 1"), MAIN, name.to_owned(), "1 over 8 partitions"),
            ];
            for (section, many, base, few, what) in slopes {
                let (many, few) = (self.cost(section, &many), self.cost(base, &few));
                let what = format!("{name}: CPU with the servers' an event, {what}");
                goals.push((what, Bound::AtMost(1.3), ratio(many, few)));
            }
        }
        for (name, bound, measured) in goals {
            self.report.goal(name, bound, measured);
        }
    }

    /// CPU of the process and of the servers for an event.
    fn cost(&self, section: &str, name: &str) -> Option<f64> {
        self.report.median(section, name, |sample: &Sample| {
            Some(sample.cpu_us_per_unit? + sample.servers_cpu_us_per_unit?)
        })
    }
}

fn ratio(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    Some(one? / other?)
}

impl Kind {
    fn role(self) -> Role {
        match self {
            Self::Limit => Role::Limit,
            Self::Peer => Role::Peer,
            Self::Ours => Role::Ours,
        }
    }
}
