//! What the relay costs those who write: pgbench's bank, each transaction with one event more.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bench_report::{Args, Report, Role, Sample, turns};

use crate::broker::{self, Reader};
use crate::contender::Contender;
use crate::world::World;

pub(crate) const SECTION: &str =
    "Writers beside a relay: pgbench tpcb-like with one event in each transaction, 4 clients";
pub(crate) const ALONE: &str = "no relay";

/// Without a colon before a name, even in a text: pgbench takes it for a variable.
const SCRIPT: &str = r"\set aid random(1, 100000 * :scale)
\set bid random(1, 1 * :scale)
\set tid random(1, 10 * :scale)
\set delta random(-5000, 5000)
begin;
update pgbench_accounts set abalance = abalance + :delta where aid = :aid;
select abalance from pgbench_accounts where aid = :aid;
update pgbench_tellers set tbalance = tbalance + :delta where tid = :tid;
update pgbench_branches set bbalance = bbalance + :delta where bid = :bid;
insert into pgbench_history (tid, bid, aid, delta, mtime) values (:tid, :bid, :aid, :delta, current_timestamp);
insert into outbox (id, tenant, lane, destination, key, type, subject, time, dataschema, payload)
values (overlay(overlay(gen_random_uuid()::text placing '7' from 15) placing '8' from 20)::uuid, 'riverton', 'topic',
        'TOPIC', 'k' || :aid % 5000, 'guildhall.document.ready.v1', :aid::text, clock_timestamp(),
        'proto' || chr(58) || 'guildhall.document.v1.DocumentReady', convert_to(lpad(:aid::text, 12, '0') || 'BODY', 'UTF8'));
end;
";

pub(crate) async fn measure(world: &World, report: &mut Report, args: Args) -> Result<()> {
    let mut fill = Command::new(world.env.postgres_program("pgbench")?);
    fill.args(["--initialize", "--scale", "10", "--quiet", world.admin.as_str()]);
    let filled = fill.output().context("cannot run pgbench")?;
    ensure!(filled.status.success(), "pgbench: {}", String::from_utf8_lossy(&filled.stderr));
    let contenders = [None, Some(Contender::Ours), Some(Contender::Debezium), Some(Contender::Naive)];
    for (_, place) in turns(args.rounds().min(3), contenders.len()) {
        let contender = contenders[place];
        let (name, role) =
            contender.map_or((ALONE, Role::Limit), |contender| (contender.name(), contender.role()));
        report.add(SECTION, name, role, "transaction", turn(world, contender, args.pick(2, 4)).await);
    }
    Ok(())
}

async fn turn(world: &World, contender: Option<Contender>, seconds: u64) -> Result<Sample> {
    let topic = world.topic(8).await?;
    let reader = Reader::new(&world.env.brokers, &topic, 8)?;
    contender.unwrap_or(Contender::Ours).prepare(world).await?;
    // One event that tells when the relay is up.
    world.fill("fill", &topic, 1).await?;
    let relay = contender.map(|contender| contender.start(world)).transpose()?;
    let outcome = async {
        if let Some(relay) = &relay {
            reader.reaches(1, Duration::from_secs(60), relay).await?;
        }
        let before = relay.as_ref().map(|relay| relay.process().cpu());
        let (transactions, rate) = pgbench(world, &topic, seconds).await?;
        if let Some(relay) = &relay {
            reader.reaches(transactions + 1, Duration::from_secs(120), relay).await?;
        }
        let cpu = relay
            .as_ref()
            .zip(before)
            .map(|(relay, before)| (relay.process().cpu() - before).per(transactions));
        Ok(Sample { throughput: Some(rate), cpu_us_per_unit: cpu, ..Sample::default() })
    }
    .await;
    if let Some(relay) = relay {
        relay.stop().await?;
    }
    contender.unwrap_or(Contender::Ours).clean(world).await?;
    broker::delete_topic(&world.env.brokers, &topic).await?;
    outcome
}

/// Transactions done, and how many a second.
async fn pgbench(world: &World, topic: &str, seconds: u64) -> Result<(u64, f64)> {
    let script = world.env.out.join("writers.sql");
    std::fs::write(&script, SCRIPT.replace("TOPIC", topic).replace("BODY", &"0123456789".repeat(50)))?;
    let mut command = Command::new(world.env.postgres_program("pgbench")?);
    command
        .args(["--no-vacuum", "--protocol", "prepared", "--client", "4", "--jobs", "1", "--time"])
        .args([&seconds.to_string(), "--scale", "10", "--file"])
        .arg(script)
        .arg(world.admin.as_str())
        .stdin(Stdio::null());
    let out = tokio::task::spawn_blocking(move || command.output()).await??;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    ensure!(out.status.success(), "pgbench: {}", String::from_utf8_lossy(&out.stderr));
    let after = |what: &str| {
        text.lines().find_map(|line| line.strip_prefix(what)?.split_whitespace().next().map(str::to_owned))
    };
    let transactions =
        after("number of transactions actually processed: ").context("pgbench counts nothing")?;
    let rate = after("tps = ").context("pgbench has no rate")?;
    Ok((transactions.parse()?, rate.parse()?))
}
