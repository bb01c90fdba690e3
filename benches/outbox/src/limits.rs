//! The raw tools: decoding the same table without doing anything with it, and writing to Kafka without a table.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use bench_report::{Args, Process, Report, Role, Sample};

use crate::broker;
use crate::drain::{SECTION, UNIT, per_second};
use crate::world::World;

pub(crate) const DECODE: &str = "pg_recvlogical to /dev/null";
pub(crate) const PRODUCE: &str = "kafka-producer-perf-test";

pub(crate) async fn measure(world: &World, report: &mut Report, args: Args) -> Result<()> {
    for _ in 0..args.rounds().min(3) {
        report.add(SECTION, DECODE, Role::Limit, UNIT, decode(world, args.pick(20_000, 120_000)).await);
        report.add(SECTION, PRODUCE, Role::Limit, UNIT, produce(world, args.pick(50_000, 400_000)).await);
    }
    Ok(())
}

async fn decode(world: &World, events: u64) -> Result<Sample> {
    world.clear().await?;
    world.run("select pg_create_logical_replication_slot('decode', 'pgoutput')").await?;
    world.fill("fill", "bench.decode", events).await?;
    let end: String = sqlx::query_scalar("select pg_current_wal_flush_lsn()::text")
        .fetch_one(&mut world.admin().await?)
        .await?;
    let mut command = Command::new(world.env.postgres_program("pg_recvlogical")?);
    command
        .args([
            "--dbname",
            world.admin.as_str(),
            "--slot",
            "decode",
            "--start",
            "--no-loop",
            "--file",
            "/dev/null",
        ])
        .args(["--option", "proto_version=1", "--option", "publication_names=debezium", "--endpos", &end]);
    let outcome = timed(world, &mut command, events);
    world.run("select pg_drop_replication_slot('decode')").await?;
    world.clear().await?;
    Ok(outcome?.0)
}

async fn produce(world: &World, events: u64) -> Result<Sample> {
    let topic = world.topic(8).await?;
    let libs = bench_report::peer("producer-perf")?.join("libs/*");
    let mut command = Command::new("java");
    command
        .args(["-server", "-Xmx256m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp"])
        .arg(libs)
        .args(["org.apache.kafka.tools.ProducerPerformance", "--topic", &topic, "--record-size", "512"])
        .args(["--num-records", &events.to_string(), "--throughput", "-1", "--command-property"])
        .arg(format!("bootstrap.servers={}", world.env.brokers))
        .args([
            "acks=all",
            "enable.idempotence=true",
            "compression.type=zstd",
            "linger.ms=5",
            "batch.size=131072",
        ]);
    let (sample, text) = timed(world, &mut command, events)?;
    broker::delete_topic(&world.env.brokers, &topic).await?;
    // `400000 records sent, 231481.5 records/sec (…)`: without the start of its JVM.
    let rate = text
        .lines()
        .filter_map(|line| line.split_once(" records sent, ")?.1.split(' ').next()?.parse().ok())
        .next_back();
    Ok(Sample { throughput: Some(rate.with_context(|| format!("no rate in: {text}"))?), ..sample })
}

/// Runs a tool to its end.
fn timed(world: &World, command: &mut Command, events: u64) -> Result<(Sample, String)> {
    let (start, cpu, servers) = (Instant::now(), Process::me().ended_children_cpu(), world.servers_cpu());
    let out = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {command:?}"))?;
    let text = [out.stdout, out.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    ensure!(out.status.success(), "{command:?}: {text}");
    let sample = Sample {
        throughput: Some(per_second(events, start.elapsed())),
        cpu_us_per_unit: Some((Process::me().ended_children_cpu() - cpu).per(events)),
        servers_cpu_us_per_unit: Some((world.servers_cpu() - servers).per(events)),
        ..Sample::default()
    };
    Ok((sample, text))
}
