//! One partition's records, a batch after the other.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use backoff::Backoff;
use clock::Clock;
use rpc_error::Chain;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};

use crate::apply::{Broken, Mode, Tally};
use crate::failure::{BoxError, Failure};
use crate::item::Item;
use crate::lane::{Cause, Lane, Verdict};
use crate::metrics::Metrics;

/// The longest wait before something that was away is asked again.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// A partition by its topic and number.
pub(crate) type Place = (Arc<str>, i32);

/// What a partition's task tells the group.
#[derive(Debug)]
pub(crate) enum Progress {
    /// Everything up to the record at this offset is dealt with.
    Done(Place, i64),
    /// The partition was paused, and its queue has room again.
    Room(Place),
}

/// What every partition's task shares.
pub(crate) struct Shared {
    pub(crate) mode: Mode,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
    /// Transactions that run at the same time; partitions that wait for something do not count.
    pub(crate) permits: Semaphore,
    pub(crate) progress: UnboundedSender<Progress>,
    /// What is queued in all partitions weighs.
    pub(crate) weight: AtomicUsize,
}

/// A partition that is assigned: its queue and the task behind it.
pub(crate) struct Partition {
    queue: Arc<Queue>,
    tenant: Option<Arc<str>>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

struct Queue {
    lane: Mutex<Lane<Arc<Item>>>,
    /// Something was queued.
    arrived: Notify,
}

impl Queue {
    /// No code that holds the lock can panic half way through a change.
    fn lane(&self) -> MutexGuard<'_, Lane<Arc<Item>>> {
        self.lane.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Partition {
    /// Starts the task; it waits for `before`, the task of an earlier assignment, so that the two never run together.
    pub(crate) fn start(place: Place, shared: Arc<Shared>, before: Option<JoinHandle<()>>) -> Self {
        let lane = Mutex::new(Lane::new(shared.mode.bounds()));
        let queue = Arc::new(Queue { lane, arrived: Notify::new() });
        let stop = CancellationToken::new();
        let backoff = Backoff::up_to(LONGEST_WAIT);
        let worker = Worker { place, shared, queue: Arc::clone(&queue), stop: stop.clone(), backoff };
        let task = tokio::spawn(worker.run(before));
        Self { queue, tenant: None, stop, task }
    }

    /// Queues a record and returns what it adds to the weight.
    pub(crate) fn push(&mut self, item: Item) -> usize {
        let arrival = item.arrival(&mut self.tenant);
        let weight = self.queue.lane().push(arrival);
        self.queue.arrived.notify_one();
        weight
    }

    /// Whether the partition is now to be paused: it is not yet, and enough is queued.
    pub(crate) fn pause(&self) -> bool {
        self.queue.lane().pause()
    }

    /// Ends the task after the batch that it is at; what is queued is left to whoever gets the partition.
    pub(crate) fn stop(self) -> JoinHandle<()> {
        self.stop.cancel();
        self.task
    }
}

struct Worker {
    place: Place,
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    stop: CancellationToken,
    backoff: Backoff,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.weight.fetch_sub(self.queue.lane().weight(), Ordering::SeqCst);
    }
}

impl Worker {
    async fn run(mut self, before: Option<JoinHandle<()>>) {
        if let Some(before) = before {
            // A task that panicked has ended just the same.
            let _ = before.await;
        }
        let stop = self.stop.clone();
        while !stop.is_cancelled() {
            let batch = self.next();
            if batch.is_empty() {
                stop.run_until_cancelled(self.queue.arrived.notified()).await;
            } else {
                self.step(&batch).await;
            }
        }
    }

    fn next(&self) -> Vec<Arc<Item>> {
        let mut lane = self.queue.lane();
        let batch = lane.take();
        self.report(lane.storable());
        batch
    }

    fn report(&self, storable: Option<i64>) {
        if let Some(offset) = storable {
            // The group is gone only when it is shutting down.
            let _ = self.shared.progress.send(Progress::Done(self.place.clone(), offset));
        }
    }

    /// Applies a batch, or finds out why it cannot be applied and waits.
    async fn step(&mut self, batch: &[Arc<Item>]) {
        let Some(Ok(permit)) = self.stop.run_until_cancelled(self.shared.permits.acquire()).await else {
            return;
        };
        let started = Instant::now();
        let span = self.span(batch);
        let result = self.shared.mode.apply(batch).instrument(span).await;
        drop(permit);
        match result {
            Ok(tally) => self.done(batch, tally, started.elapsed()),
            Err(broken) => self.failed(batch, broken).await,
        }
    }

    fn done(&mut self, batch: &[Arc<Item>], tally: Tally, took: Duration) {
        let mut lane = self.queue.lane();
        let (gone, goes_on) = lane.done(took);
        self.report(lane.storable());
        drop(lane);
        self.shared.weight.fetch_sub(gone, Ordering::SeqCst);
        if goes_on {
            let _ = self.shared.progress.send(Progress::Room(self.place.clone()));
        }
        self.backoff.reset();
        self.shared.metrics.applied(&tally, batch.len(), took);
        if let Some(event) = batch.last().and_then(|item| item.event()) {
            self.shared.metrics.delayed(&self.place, self.shared.clock.now() - event.time);
        }
    }

    async fn failed(&mut self, batch: &[Arc<Item>], broken: Broken) {
        let at = broken.at.clone().unwrap_or(0..batch.len());
        let cause = broken.cause();
        let verdict = self.queue.lane().failed(at, cause);
        match (verdict, broken.failure) {
            (Verdict::Again, failure) => {
                self.shared.metrics.split();
                tracing::debug!(
                    records = batch.len(),
                    error = %Chain(&failure),
                    "batch rolled back, trying it in parts"
                );
            }
            (Verdict::Park { attempts }, Failure::Poison { reason, source }) => {
                self.park(batch, reason, source, attempts).await;
            }
            (Verdict::Wait { attempts } | Verdict::Park { attempts }, failure) => {
                let error = Chain(&failure).to_string();
                self.wait(batch, attempts, error).await;
            }
        }
    }

    async fn park(&mut self, batch: &[Arc<Item>], reason: &'static str, source: BoxError, attempts: u32) {
        let Some(item) = batch.first() else { return };
        let span = self.span(batch);
        span.in_scope(|| {
            tracing::error!(
                topic = &*self.place.0,
                partition = self.place.1,
                offset = item.offset,
                reason,
                attempts,
                error = %Chain(&*source),
                "event cannot be applied, parking it"
            );
        });
        let started = Instant::now();
        let parked: Result<Tally, BoxError> =
            self.shared.mode.park(item, reason, attempts).instrument(span).await;
        match parked {
            Ok(tally) => self.done(batch, tally, started.elapsed()),
            Err(error) => {
                let verdict = self.queue.lane().failed(0..1, Cause::Away);
                if let Verdict::Wait { attempts } = verdict {
                    let error = Chain(&*error).to_string();
                    self.wait(batch, attempts, error).await;
                }
            }
        }
    }

    /// Waits before the next try, or until it is told to stop.
    async fn wait(&mut self, batch: &[Arc<Item>], attempts: u32, error: String) {
        self.shared.metrics.retry();
        let wait = self.backoff.fail();
        tracing::warn!(
            topic = &*self.place.0,
            partition = self.place.1,
            offset = batch.first().map(|item| item.offset),
            attempts,
            wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            error,
            "events cannot be applied now, trying again"
        );
        self.shared.metrics.stalled(1);
        self.stop.run_until_cancelled(tokio::time::sleep(wait)).await;
        self.shared.metrics.stalled(-1);
    }

    /// The span of a transaction, in the trace of its first event.
    fn span(&self, batch: &[Arc<Item>]) -> Span {
        let Some(first) = batch.first() else { return Span::none() };
        let span = tracing::info_span!(
            "consumer.batch",
            messaging.destination.name = &*self.place.0,
            messaging.destination.partition.id = self.place.1,
            messaging.kafka.offset = first.offset,
            messaging.batch.message_count = batch.len(),
            tenant = first.tenant(),
        );
        if let Some(traceparent) = first.event().and_then(|event| event.traceparent.as_ref()) {
            telemetry::context::set_parent(&span, traceparent);
        }
        span
    }
}
