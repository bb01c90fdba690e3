//! One partition's records, one after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kafka::Record;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::apply::Mode;
use crate::backoff::Backoff;
use crate::metrics::Metrics;

/// A partition whose queue weighs more is paused, and goes on when it weighs less than a quarter of it.
pub(crate) const FULL: usize = 512 * 1024;
const ROOM: usize = FULL / 4;
/// What a record weighs beside its bytes.
const OVERHEAD: usize = 256;
/// The longest wait before something that was away is asked again.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// A partition by its topic and number.
pub(crate) type Place = (String, i32);

/// What a partition's task tells the group.
#[derive(Debug)]
pub(crate) enum Progress {
    /// The record at this offset is dealt with.
    Done(Place, i64),
    /// The queue has room again.
    Room(Place),
}

/// What every partition's task shares.
pub(crate) struct Shared {
    pub(crate) mode: Mode,
    pub(crate) metrics: Metrics,
    /// Records that are applied at the same time; partitions that wait for something do not count.
    pub(crate) permits: Semaphore,
    pub(crate) progress: UnboundedSender<Progress>,
}

/// A partition that is assigned: the end of its queue and the task behind it.
pub(crate) struct Partition {
    records: UnboundedSender<Record>,
    weight: Arc<AtomicUsize>,
    last: Option<i64>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Partition {
    /// Starts the task; it waits for `before`, the task of an earlier assignment, so that the two never run together.
    pub(crate) fn start(place: Place, shared: Arc<Shared>, before: Option<JoinHandle<()>>) -> Self {
        let (records, queue) = unbounded_channel();
        let weight = Arc::new(AtomicUsize::new(0));
        let stop = CancellationToken::new();
        let worker = Worker { place, shared, queue, weight: Arc::clone(&weight), stop: stop.clone() };
        let task = tokio::spawn(worker.run(before));
        Self { records, weight, last: None, stop, task }
    }

    /// Queues a record; `true` when the queue is full and the partition should be paused.
    pub(crate) fn push(&mut self, record: Record) -> bool {
        // A pause or a new assignment may bring what is queued already.
        if self.last.is_some_and(|last| record.offset <= last) {
            return false;
        }
        self.last = Some(record.offset);
        let weight = weigh(&record);
        // The task is gone only when the partition was taken away.
        let _ = self.records.send(record);
        self.weight.fetch_add(weight, Ordering::SeqCst) + weight >= FULL
    }

    /// Ends the task after the record that it is at; what is queued is left to whoever gets the partition.
    pub(crate) fn stop(self) -> JoinHandle<()> {
        self.stop.cancel();
        self.task
    }
}

fn weigh(record: &Record) -> usize {
    let bytes = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
    let headers: usize = record.headers.iter().map(|(name, value)| name.len() + bytes(value)).sum();
    OVERHEAD + bytes(&record.key) + bytes(&record.payload) + headers
}

struct Worker {
    place: Place,
    shared: Arc<Shared>,
    queue: UnboundedReceiver<Record>,
    weight: Arc<AtomicUsize>,
    stop: CancellationToken,
}

impl Worker {
    async fn run(mut self, before: Option<JoinHandle<()>>) {
        if let Some(before) = before {
            // A task that panicked has ended just the same.
            let _ = before.await;
        }
        let stop = self.stop.clone();
        while let Some(Some(record)) = stop.run_until_cancelled(self.queue.recv()).await {
            let (offset, weight) = (record.offset, weigh(&record));
            if !self.deal_with(Arc::new(record)).await {
                return;
            }
            // The group is gone only when it is shutting down.
            let _ = self.shared.progress.send(Progress::Done(self.place.clone(), offset));
            let before = self.weight.fetch_sub(weight, Ordering::SeqCst);
            if before >= ROOM && before - weight < ROOM {
                let _ = self.shared.progress.send(Progress::Room(self.place.clone()));
            }
        }
    }

    /// Tries until the record is dealt with; `false` when it was told to stop first.
    async fn deal_with(&self, record: Arc<Record>) -> bool {
        let mut backoff = Backoff::up_to(LONGEST_WAIT);
        for attempts in 1.. {
            let Some(permit) = self.stop.run_until_cancelled(self.shared.permits.acquire()).await else {
                return false;
            };
            let result = self.shared.mode.apply(&record, attempts).await;
            drop(permit);
            let error = match result {
                Ok(outcome) => {
                    self.shared.metrics.outcome(outcome.name());
                    return true;
                }
                Err(error) => error,
            };
            self.shared.metrics.retry();
            let wait = backoff.fail();
            tracing::warn!(
                topic = record.topic,
                partition = record.partition,
                offset = record.offset,
                attempts,
                wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                error = crate::chain(&*error),
                "event cannot be applied now, trying again"
            );
            self.shared.metrics.stalled(1);
            let waited = self.stop.run_until_cancelled(tokio::time::sleep(wait)).await;
            self.shared.metrics.stalled(-1);
            if waited.is_none() {
                return false;
            }
        }
        false
    }
}
