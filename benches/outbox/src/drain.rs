//! How fast and at which cost a filled table is published.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bench_report::{Args, Report, Sample, turns};

use crate::broker::{self, Reader};
use crate::contender::Contender;
use crate::world::World;

pub(crate) const SECTION: &str = "Draining a filled table, 512 B, 8 partitions";
pub(crate) const UNIT: &str = "event";
const PATIENCE: Duration = Duration::from_secs(120);

/// How much a contender is given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Published before measuring starts: a JVM compiles what it runs often.
    pub(crate) warm: u64,
    /// Measured.
    pub(crate) events: u64,
    pub(crate) partitions: i32,
}

pub(crate) async fn measure(world: &World, report: &mut Report, args: Args) -> Result<()> {
    let contenders = [
        (Contender::Ours, Load { warm: 20_000, events: args.pick(20_000, 100_000), partitions: 8 }),
        (
            Contender::Debezium,
            Load { warm: args.pick(20_000, 50_000), events: args.pick(20_000, 60_000), partitions: 8 },
        ),
        (Contender::Obix, Load { warm: 5_000, events: args.pick(5_000, 40_000), partitions: 8 }),
        (Contender::Naive, Load { warm: 1_000, events: args.pick(2_000, 10_000), partitions: 8 }),
    ];
    for (_, place) in turns(args.rounds(), contenders.len()) {
        let (contender, load) = contenders[place];
        let sample = turn(world, contender, load).await;
        report.add(SECTION, contender.name(), contender.role(), UNIT, sample);
    }
    Ok(())
}

/// One turn: fills, starts, measures from the moment the first part is published until all is, and checks.
pub(crate) async fn turn(world: &World, contender: Contender, load: Load) -> Result<Sample> {
    let topic = world.topic(load.partitions).await?;
    contender.prepare(world).await?;
    let total = load.warm + load.events;
    world.fill(contender.procedure(), &topic, total).await?;
    let reader = Reader::new(&world.env.brokers, &topic, load.partitions)?;
    let relay = contender.start(world)?;
    let outcome = published(world, contender, load, &reader, &relay).await;
    let outcome = outcome.with_context(|| format!("see {}", relay.log.display()));
    let stopped = relay.stop().await;
    contender.clean(world).await?;
    let sample = outcome?;
    stopped?;
    reader.check(total)?;
    broker::delete_topic(&world.env.brokers, &topic).await?;
    Ok(sample)
}

async fn published(
    world: &World,
    contender: Contender,
    load: Load,
    reader: &Reader,
    relay: &crate::contender::Running,
) -> Result<Sample> {
    let process = relay.process();
    let first = reader.reaches(load.warm.max(1), PATIENCE, relay).await?;
    let (start, cpu, servers) = (Instant::now(), process.cpu(), world.servers_cpu());
    let last = reader.reaches(load.warm + load.events, PATIENCE, relay).await?;
    let (took, cpu, servers) = (start.elapsed(), process.cpu() - cpu, world.servers_cpu() - servers);
    let events = last - first;
    ensure!(events > 0, "everything was published before measuring began");
    let rss = process.peak_mib();
    if matches!(contender, Contender::Ours | Contender::Naive) {
        emptied(world).await?;
    }
    Ok(Sample {
        throughput: Some(per_second(events, took)),
        cpu_us_per_unit: Some(cpu.per(events)),
        servers_cpu_us_per_unit: Some(servers.per(events)),
        rss_mib: Some(rss),
        ..Sample::default()
    })
}

/// What was acknowledged is removed.
async fn emptied(world: &World) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let rows = world.waiting().await?;
        if rows == 0 {
            return Ok(());
        }
        ensure!(Instant::now() < end, "{rows} published events are still in the table");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) fn per_second(events: u64, took: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    let events = events as f64;
    events / took.as_secs_f64()
}
