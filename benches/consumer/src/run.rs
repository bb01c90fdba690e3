//! One run of one contender: from an empty database to as many events as asked for.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use bench_report::{Cpu, Env, Process, Sample};
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::database::Database;
use crate::topic::Topic;

const PATIENCE: Duration = Duration::from_secs(120);

/// A program that does the work.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) file: PathBuf,
    pub(crate) arguments: Vec<String>,
}

/// What a run works on.
pub(crate) struct Run<'a> {
    pub(crate) env: &'a Env,
    pub(crate) program: &'a Program,
    pub(crate) topic: Topic,
    /// Events after which it is stopped.
    pub(crate) events: u64,
}

impl Run<'_> {
    /// Figures from the first event that is seen applied to the last.
    pub(crate) async fn measure(&self, database: &mut Database) -> Result<Sample> {
        database.clear().await?;
        let group = fresh_group();
        let mut child = self.start(database, &group)?;
        let process = Process::of(child.id().context("it ended at once")?);
        let measured = self.follow(database, &mut child, process).await;
        let stopped = stop(child).await;
        let sample = measured?;
        stopped?;
        let applied = database.check().await?;
        ensure!(applied >= self.events, "only {applied} of {} events", self.events);
        Ok(sample)
    }

    /// Milliseconds until a program that was killed in the middle works again, under the same name.
    pub(crate) async fn killed(&self, database: &mut Database) -> Result<Sample> {
        database.clear().await?;
        let group = fresh_group();
        let mut child = self.start(database, &group)?;
        wait_for(database, &mut child, self.events / 4).await?;
        child.kill().await?;
        // What the server was told before the kill may still be on its way.
        let mut before = database.applied().await?;
        loop {
            sleep(Duration::from_millis(50)).await;
            let now = database.applied().await?;
            if now == before {
                break;
            }
            before = now;
        }
        let started = Instant::now();
        let mut child = self.start(database, &group)?;
        wait_for(database, &mut child, before + 1).await?;
        let back = started.elapsed();
        let measured = wait_for(database, &mut child, self.events).await;
        let stopped = stop(child).await;
        measured?;
        stopped?;
        database.check().await?;
        Ok(Sample { p50_ms: Some(back.as_secs_f64() * 1_000.0), ..Sample::default() })
    }

    fn start(&self, database: &Database, group: &str) -> Result<Child> {
        Command::new(&self.program.file)
            .args(&self.program.arguments)
            .env("BENCH_BROKERS", &self.env.brokers)
            .env("BENCH_TOPIC", self.topic.name())
            .env("BENCH_GROUP", group)
            .env("BENCH_INSTANCE", "bench-0")
            .env("BENCH_DATABASE_URL", database.app_url())
            .env("BENCH_SYSTEM_URL", database.system_url())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot run {}", self.program.file.display()))
    }

    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    async fn follow(&self, database: &mut Database, child: &mut Child, process: Process) -> Result<Sample> {
        let servers = || {
            let kafka = self.env.kafka.map_or(Cpu::default(), Process::tree_cpu);
            Cpu(self.env.postgres.tree_cpu().0 + kafka.0)
        };
        let first = wait_for(database, child, 1).await?;
        let (started, own, beside) = (Instant::now(), process.cpu(), servers());
        // Looking costs the server time: the next look is when most of the rest should be done.
        let mut last = first;
        while last < self.events {
            let pace = (last - first) as f64 / started.elapsed().as_secs_f64();
            let rest = (self.events - last) as f64 / pace.max(1.0);
            sleep(Duration::from_secs_f64((rest * 0.7).clamp(0.01, 0.25))).await;
            alive(child)?;
            last = database.applied().await?;
            ensure!(started.elapsed() < PATIENCE, "only {last} of {} events in two minutes", self.events);
        }
        let (took, own, beside) = (started.elapsed(), process.cpu() - own, servers() - beside);
        let units = last - first;
        Ok(Sample {
            throughput: Some(units as f64 / took.as_secs_f64()),
            cpu_us_per_unit: Some(own.per(units)),
            servers_cpu_us_per_unit: Some(beside.per(units)),
            rss_mib: Some(process.peak_mib()),
            ..Sample::default()
        })
    }
}

/// A name that no run had before: it starts at the earliest event.
fn fresh_group() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("bench-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

async fn wait_for(database: &mut Database, child: &mut Child, events: u64) -> Result<u64> {
    let started = Instant::now();
    loop {
        let applied = database.applied().await?;
        if applied >= events {
            return Ok(applied);
        }
        alive(child)?;
        ensure!(started.elapsed() < PATIENCE, "only {applied} of {events} events in two minutes");
        sleep(Duration::from_millis(10)).await;
    }
}

fn alive(child: &mut Child) -> Result<()> {
    match child.try_wait()? {
        Some(status) => bail!("it ended: {status}"),
        None => Ok(()),
    }
}

async fn stop(mut child: Child) -> Result<()> {
    if let Some(pid) = child.id() {
        let kill = Command::new("kill").args(["-TERM", &pid.to_string()]).status().await?;
        ensure!(kill.success(), "it cannot be told to stop");
    }
    let status = tokio::time::timeout(Duration::from_secs(20), child.wait()).await;
    let status = status.context("it did not stop when told to")??;
    ensure!(status.success(), "it ended: {status}");
    Ok(())
}
