//! Payments, from their first request to the end of their workflows.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bench_report::{Process, Sample, percentile};
use futures::future::try_join_all;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use temporalio_client::{HistoryEventFilterType, WorkflowFetchHistoryOptions};
use temporalio_common::protos::temporal::api::enums::v1::EventType;
use temporalio_common::protos::temporal::api::history::v1::HistoryEvent;
use tokio::time::{sleep, sleep_until, timeout};
use worker::temporal::Temporal;
use worker::workflows::{Payment, PaymentWorkflow};

use crate::owner::Owner;

/// A workflow that takes longer is lost.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a payment waits at least before somebody wants it to go on.
const LEAST_WAIT: Duration = Duration::from_millis(50);

/// Who begins payments, for the workers of one task queue.
pub(crate) struct Payers<'a> {
    pub(crate) owner: &'a Owner,
    pub(crate) temporal: Temporal,
    pub(crate) server: Process,
}

/// A workflow that was begun and has ended.
struct Ended {
    payment: Payment,
    /// From the request to the first step, and from the next request to the end; not what it waited in between.
    took: Duration,
}

/// What a load has come to.
pub(crate) struct Done {
    pub(crate) sample: Sample,
    /// The share of workflows that had a timer when they were wanted.
    pub(crate) waited: f64,
}

impl Payers<'_> {
    /// Begins workflows that wait and are never wanted; returns when all have made their first step.
    pub(crate) async fn begin(&self, count: u64) -> Result<()> {
        let begun = (0..count).map(|_| async {
            let payment = fresh();
            let first = self.owner.know(&payment.payment_id);
            self.temporal.want_payment(payment).await?;
            Ok::<_, anyhow::Error>(timeout(PATIENCE, first).await??)
        });
        stream::iter(begun).buffer_unordered(50).try_collect::<Vec<()>>().await?;
        Ok(())
    }

    /// Runs `count` workflows, `at_once` at a time.
    pub(crate) async fn burst(&self, worker: Process, count: u64, at_once: usize) -> Result<Done> {
        let meter = Meter::start(worker, self.server);
        let all = stream::iter((0..count).map(|_| self.pay(fresh())));
        let ended: Vec<Ended> = all.buffer_unordered(at_once).try_collect().await?;
        let sample = meter.stop(count);
        let waited = self.check(&ended).await?;
        Ok(Done { sample, waited })
    }

    /// Runs `count` workflows, `rate` of which are begun in each second, whether or not earlier ones are done.
    pub(crate) async fn arrivals(&self, worker: Process, count: u64, rate: f64) -> Result<Done> {
        let meter = Meter::start(worker, self.server);
        let (start, every) = (tokio::time::Instant::now(), Duration::from_secs_f64(1.0 / rate));
        let all = (0..u32::try_from(count)?).map(|number| async move {
            sleep_until(start + every * number).await;
            self.pay(fresh()).await
        });
        let ended = try_join_all(all).await?;
        let sample = meter.stop(count);
        let waited = self.check(&ended).await?;
        let mut took: Vec<f64> = ended.iter().map(|ended| ended.took.as_secs_f64() * 1_000.0).collect();
        let sample = Sample {
            p50_ms: percentile(&mut took, 50),
            p95_ms: percentile(&mut took, 95),
            p99_ms: percentile(&mut took, 99),
            ..sample
        };
        Ok(Done { sample, waited })
    }

    /// Begins a payment, has it go on once it waits, and sees its workflow end.
    async fn pay(&self, payment: Payment) -> Result<Ended> {
        let first = self.owner.know(&payment.payment_id);
        let begun = Instant::now();
        self.temporal.want_payment(payment.clone()).await?;
        timeout(PATIENCE, first).await??;
        let stepped = begun.elapsed();
        // What comes after a step takes about as long as what came before it: by then it has most likely begun to wait.
        sleep((stepped * 2).max(LEAST_WAIT)).await;
        let wanted = Instant::now();
        self.temporal.want_payment(payment.clone()).await?;
        timeout(PATIENCE, self.end(&payment)).await??;
        Ok(Ended { payment, took: stepped + wanted.elapsed() })
    }

    async fn end(&self, payment: &Payment) -> Result<()> {
        let close = WorkflowFetchHistoryOptions::builder()
            .skip_archival(true)
            .wait_new_event(true)
            .event_filter_type(HistoryEventFilterType::CloseEvent)
            .build();
        loop {
            if let Some(last) = self.events(payment, close.clone()).await?.last() {
                let how = last.event_type();
                ensure!(how == EventType::WorkflowExecutionCompleted, "a workflow has ended: {how:?}");
                return Ok(());
            }
        }
    }

    async fn events(
        &self,
        payment: &Payment,
        which: WorkflowFetchHistoryOptions,
    ) -> Result<Vec<HistoryEvent>> {
        let client = self.temporal.client().await?;
        let handle = client.get_workflow_handle::<PaymentWorkflow>(payment.workflow_id());
        Ok(handle.fetch_history(which).into_events().await?)
    }

    /// The gate: two steps, two requests and no more of each workflow. Gives the share of those that had begun to wait.
    async fn check(&self, ended: &[Ended]) -> Result<f64> {
        let mut waited = 0_u32;
        for Ended { payment, .. } in ended {
            let steps = self.owner.steps(&payment.payment_id);
            ensure!(steps == 2, "the owner was asked for {steps} steps of a payment, not for 2");
            let events = self.events(payment, WorkflowFetchHistoryOptions::default()).await?;
            let count = |wanted| events.iter().filter(|event| event.event_type() == wanted).count();
            let (activities, requests) =
                (count(EventType::ActivityTaskCompleted), count(EventType::WorkflowExecutionSignaled));
            ensure!(
                (activities, requests) == (2, 2),
                "{activities} activities, {requests} requests: not 2 of each"
            );
            waited += u32::from(count(EventType::TimerStarted) == 1);
        }
        Ok(f64::from(waited) / f64::from(u32::try_from(ended.len())?.max(1)))
    }
}

fn fresh() -> Payment {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    Payment { tenant: "riverton".to_owned(), payment_id: format!("018f0000-0000-7000-8000-{number:012x}") }
}

/// Time and CPU since it was started.
struct Meter {
    worker: Process,
    server: Process,
    started: Instant,
    before: (bench_report::Cpu, bench_report::Cpu),
}

impl Meter {
    fn start(worker: Process, server: Process) -> Self {
        Self { worker, server, started: Instant::now(), before: (worker.tree_cpu(), server.tree_cpu()) }
    }

    fn stop(self, count: u64) -> Sample {
        let took = self.started.elapsed().as_secs_f64();
        let (cpu, server) = (self.worker.tree_cpu() - self.before.0, self.server.tree_cpu() - self.before.1);
        #[expect(clippy::cast_precision_loss, reason = "thousands")]
        let throughput = count as f64 / took;
        Sample {
            throughput: Some(throughput),
            cpu_us_per_unit: Some(cpu.per(count)),
            servers_cpu_us_per_unit: Some(server.per(count)),
            rss_mib: Some(self.worker.peak_mib()),
            ..Sample::default()
        }
    }
}
