//! Many calls, and what they cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Result, ensure};
use bench_report::{Env, Process, Sample};
use futures::future::try_join_all;

use crate::calls::{Answer, Service, Unit};

/// Callers at a time.
const CALLERS: usize = 4;

/// How a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Plain,
    First,
    Replay,
}

/// Makes `calls` calls named after `round`, and checks every answer.
pub(crate) async fn run(
    env: &Env,
    service: &Service,
    unit: Unit,
    how: How,
    (round, calls): (usize, usize),
) -> Result<Sample> {
    let next = Arc::new(AtomicUsize::new(0));
    let meter = Meter::start(env);
    let callers = (0..CALLERS).map(|_| {
        let (service, next) = (service.clone(), Arc::clone(&next));
        let wanted = if how == How::Replay { Answer::Replayed } else { Answer::First };
        tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= calls {
                    return Ok(());
                }
                let name = format!("{unit:?}-{round:03}-6c84fb90-12c4-{number:08}");
                let answer = match how {
                    How::Plain => service.plain(unit, &name).await?,
                    How::First | How::Replay => service.keyed(unit, &name).await?,
                };
                ensure!(answer == wanted, "{answer:?} instead of {wanted:?}");
            }
        })
    });
    for caller in try_join_all(callers).await? {
        caller?;
    }
    meter.stop(calls)
}

/// Makes `calls` calls, as many at a time under one key as there are `racers`, and counts the answers.
pub(crate) async fn race(
    env: &Env,
    service: &Service,
    racers: usize,
    calls: usize,
) -> Result<(Sample, Answers)> {
    let mut answers = Answers::default();
    let meter = Meter::start(env);
    for wave in 0..calls / racers {
        let name: Arc<str> = format!("race-6c84fb90-12c4-11e1-840d-{wave:08}").into();
        let calls = (0..racers).map(|_| {
            let (service, name) = (service.clone(), Arc::clone(&name));
            tokio::spawn(async move { service.keyed(Unit::Row, &name).await })
        });
        for answer in try_join_all(calls).await? {
            match answer? {
                Answer::First => answers.first += 1,
                Answer::Replayed => answers.replayed += 1,
                Answer::InFlight => answers.in_flight += 1,
            }
        }
    }
    Ok((meter.stop(calls)?, answers))
}

/// How many calls got which answer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Answers {
    pub(crate) first: usize,
    pub(crate) replayed: usize,
    pub(crate) in_flight: usize,
}

/// Time and CPU since it was started.
pub(crate) struct Meter<'e> {
    env: &'e Env,
    started: Instant,
    own: bench_report::Cpu,
    server: bench_report::Cpu,
}

impl<'e> Meter<'e> {
    pub(crate) fn start(env: &'e Env) -> Self {
        let (own, server) = (Process::me().tree_cpu(), env.postgres.tree_cpu());
        Self { env, started: Instant::now(), own, server }
    }

    pub(crate) fn stop(self, calls: usize) -> Result<Sample> {
        let took = self.started.elapsed();
        let units = u64::try_from(calls)?;
        Ok(Sample {
            throughput: Some(f64::from(u32::try_from(calls)?) / took.as_secs_f64()),
            cpu_us_per_unit: Some((Process::me().tree_cpu() - self.own).per(units)),
            servers_cpu_us_per_unit: Some((self.env.postgres.tree_cpu() - self.server).per(units)),
            ..Sample::default()
        })
    }
}
