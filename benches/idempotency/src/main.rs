//! `cargo xtask bench idempotency`: what a key costs a call, beside the same call without one. See docs/performance.md.

mod calls;
mod database;
mod limit;
mod load;

use anyhow::{Result, ensure};
use bench_report::{Args, Bound, Env, Report, Role, Sample, ratio, turns};
use clap::Parser;

use crate::calls::{Service, Unit};
use crate::database::Database;
use crate::load::How;

const UNIT: &str = "call";
const STORED: &str = "one row, by stored keys";
const RACE: &str = "duplicates that race, 16 at a time";
const RACERS: usize = 16;
const CONTENDERS: [How; 3] = [How::Plain, How::First, How::Replay];

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

/// The whole bench.
struct Bench {
    args: Args,
    env: Env,
    report: Report,
    calls: usize,
    /// Every round has names of its own.
    rounds: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Cli::parse().args;
    let report = Report::new("idempotency", args.rounds());
    let mut bench = Bench { args, env: Env::load()?, report, calls: args.pick(2_000, 12_000), rounds: 0 };
    let mut database = Database::make(&bench.env.postgres_url, "bench_idempotency").await?;
    let service = Service::new(database.db()?)?;
    // Connections are open and statements prepared before anything counts.
    for unit in [Unit::Row, Unit::Upload] {
        bench.round("", unit, &service, &mut database, None).await?;
    }
    for round in 0..args.rounds() {
        bench.limits(&mut database).await?;
        for unit in [Unit::Row, Unit::Upload] {
            bench.round(section(unit), unit, &service, &mut database, Some(round)).await?;
        }
    }
    bench.stored().await?;
    bench.race(&service, &mut database).await?;
    bench.goals();
    bench.report.finish(&bench.env.out)
}

impl Bench {
    /// Each way of calling once; the order turns from round to round, but for the replay, which needs a first call.
    async fn round(
        &mut self,
        section: &str,
        unit: Unit,
        service: &Service,
        database: &mut Database,
        round: Option<usize>,
    ) -> Result<()> {
        self.rounds += 1;
        let order = match round {
            Some(round) if round % 2 == 1 => [How::First, How::Replay, How::Plain],
            _ => CONTENDERS,
        };
        for how in order {
            let sample = self.measured(unit, how, service, database).await;
            if round.is_some() {
                self.report.add(section, name(how), Role::Ours, UNIT, sample);
            } else {
                sample?;
            }
        }
        Ok(())
    }

    async fn measured(
        &self,
        unit: Unit,
        how: How,
        service: &Service,
        database: &mut Database,
    ) -> Result<Sample> {
        database.clear().await?;
        let sample = load::run(&self.env, service, unit, how, (self.rounds, self.calls)).await?;
        database.check(if how == How::Replay { 0 } else { self.calls }).await?;
        Ok(sample)
    }

    async fn limits(&mut self, database: &mut Database) -> Result<()> {
        database.clear().await?;
        let sample = limit::pgbench(&self.env, database, limit::INSERT, self.calls);
        self.report.add(section(Unit::Row), "pgbench, INSERT … ON CONFLICT alone", Role::Limit, UNIT, sample);
        Ok(())
    }

    /// Slope: first calls and replays beside one, ten and a hundred times as many stored keys.
    async fn stored(&mut self) -> Result<()> {
        let least = self.args.pick(1_000, 10_000);
        let mut databases = Vec::new();
        for times in [1, 10, 100] {
            bench_report::progress(&format!("storing {} keys", least * times));
            let mut database =
                Database::make(&self.env.postgres_url, &format!("bench_stored_{times}")).await?;
            database.store(least * times).await?;
            let service = Service::new(database.db()?)?;
            self.round("", Unit::Row, &service, &mut database, None).await?;
            databases.push((times, database, service));
        }
        for (_, place) in turns(self.args.pick(1, 3), databases.len()) {
            let (times, database, service) = &mut databases[place];
            self.rounds += 1;
            for how in [How::First, How::Replay] {
                let sample = self.measured(Unit::Row, how, service, database).await;
                let name = format!("{}, {times}×", name(how));
                self.report.add(STORED, &name, Role::Ours, UNIT, sample);
            }
        }
        Ok(())
    }

    async fn race(&mut self, service: &Service, database: &mut Database) -> Result<()> {
        let calls = self.args.pick(20_000, 1_000_000);
        database.clear().await?;
        let raced = async {
            let (sample, answers) = load::race(&self.env, service, RACERS, calls).await?;
            let keys = calls / RACERS;
            bench_report::progress(&format!(
                "{keys} keys: {} first answers, {} replays, {} told to come back",
                answers.first, answers.replayed, answers.in_flight
            ));
            ensure!(answers.first == keys, "{} first answers of {keys} keys", answers.first);
            database.check(keys).await?;
            Ok(sample)
        };
        let sample = raced.await;
        let doubled = sample.is_ok().then_some(0.0);
        self.report.add(RACE, &format!("{calls} calls"), Role::Ours, UNIT, sample);
        self.report.goal(
            format!("effects made twice in {calls} racing duplicates"),
            Bound::AtMost(0.0),
            doubled,
        );
        Ok(())
    }

    fn goals(&mut self) {
        let mut goals = Vec::new();
        for unit in [Unit::Upload, Unit::Row] {
            let cost = |how| self.cost(section(unit), name(how));
            let what = section(unit);
            let first = ratio(cost(How::First), cost(How::Plain));
            goals.push((
                format!("{what}: CPU of a first call, × of one without a key"),
                Bound::AtMost(1.15),
                first,
            ));
            let replay = ratio(cost(How::Replay), cost(How::First));
            goals.push((format!("{what}: CPU of a replay, × of a first call"), Bound::AtMost(0.5), replay));
        }
        for how in [How::First, How::Replay] {
            let cost = |times: &str| self.cost(STORED, &format!("{}, {times}×", name(how)));
            let what = format!("{}: CPU at 100×, × of 1× stored keys", name(how));
            goals.push((what, Bound::AtMost(1.3), ratio(cost("100"), cost("1"))));
        }
        for (name, bound, measured) in goals {
            self.report.goal(name, bound, measured);
        }
    }

    /// CPU of the process and of the server for a call.
    fn cost(&self, section: &str, name: &str) -> Option<f64> {
        self.report.median(section, name, Sample::whole_cpu)
    }
}

fn section(unit: Unit) -> &'static str {
    match unit {
        Unit::Row => "one row",
        Unit::Upload => "a row, its event and a reminder",
    }
}

fn name(how: How) -> &'static str {
    match how {
        How::Plain => "without a key",
        How::First => "first call of a key",
        How::Replay => "replay",
    }
}
