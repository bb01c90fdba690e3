//! Whether an event costs the same however many others there are.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bench_report::{Args, Report, Role, Sample};

use crate::broker::{self, Reader};
use crate::contender::Contender;
use crate::drain::{self, Load, UNIT, per_second};
use crate::world::World;

pub(crate) const BACKLOG: &str = "Recovering from a backlog of 180,000 events, from the start of the process";
pub(crate) const ROWS: &str = "Growth with the rows that wait";
pub(crate) const PARTITIONS: &str = "Growth with the partitions of the topic";
/// 1×, 10×, 100×.
const SIZES: [u64; 3] = [5_000, 50_000, 500_000];
const COUNTS: [i32; 3] = [1, 8, 64];

pub(crate) fn rows(place: usize) -> String {
    format!("outbox::Relay, {} rows", SIZES[place])
}

pub(crate) fn partitions(place: usize) -> String {
    format!("outbox::Relay, {} partitions", COUNTS[place])
}

pub(crate) async fn measure(world: &World, report: &mut Report, args: Args) -> Result<()> {
    for (place, size) in SIZES.into_iter().enumerate() {
        // A small table is measured more often: its turn takes a tenth of a second.
        let rounds = if size > 100_000 { 1 } else { args.rounds() };
        let events = args.pick(size.min(50_000), size);
        for _ in 0..rounds {
            let sample = drain::turn(world, Contender::Ours, Load { warm: 500, events, partitions: 8 }).await;
            report.add(ROWS, &rows(place), Role::Ours, UNIT, sample);
        }
    }
    for _ in 0..args.rounds().min(2) {
        for (place, count) in COUNTS.into_iter().enumerate() {
            let load = Load { warm: 10_000, events: args.pick(10_000, 50_000), partitions: count };
            let sample = drain::turn(world, Contender::Ours, load).await;
            report.add(PARTITIONS, &partitions(place), Role::Ours, UNIT, sample);
        }
    }
    Ok(())
}

pub(crate) async fn backlog(world: &World, report: &mut Report, args: Args) -> Result<()> {
    for contender in [Contender::Ours, Contender::Debezium] {
        let sample = recover(world, contender, args.pick(30_000, 180_000)).await;
        report.add(BACKLOG, contender.name(), contender.role(), UNIT, sample);
    }
    Ok(())
}

async fn recover(world: &World, contender: Contender, events: u64) -> Result<Sample> {
    let topic = world.topic(8).await?;
    contender.prepare(world).await?;
    world.fill("fill", &topic, events).await?;
    let reader = Reader::new(&world.env.brokers, &topic, 8)?;
    let start = Instant::now();
    let relay = contender.start(world)?;
    let reached = reader.reaches(events, Duration::from_secs(120), &relay).await;
    let reached = reached.with_context(|| format!("see {}", relay.log.display()));
    let (took, cpu, rss) = (start.elapsed(), relay.process().cpu(), relay.process().peak_mib());
    relay.stop().await?;
    contender.clean(world).await?;
    reached?;
    reader.check(events)?;
    broker::delete_topic(&world.env.brokers, &topic).await?;
    Ok(Sample {
        throughput: Some(per_second(events, took)),
        cpu_us_per_unit: Some(cpu.per(events)),
        rss_mib: Some(rss),
        ..Sample::default()
    })
}
