//! Jobs to SQS, in batches; queues do not wait for each other.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use futures::future::join_all;
use queue::{EntryError, Outgoing};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::append::QUEUE_WAKER;
use crate::backoff::Backoff;
use crate::failpoint::failpoint;
use crate::relay::{POLL, Relay};
use crate::store::{self, JobRow};

pub(crate) const LANE: &str = "queue";
/// Rows taken from the table at once; ten requests.
const BATCH: i64 = 100;
/// A queue that is away is tried this often at least.
const QUEUE_LIMIT: Duration = Duration::from_secs(5);
/// A message that SQS refuses is tried this often at least.
const ENTRY_LIMIT: Duration = Duration::from_secs(60);
/// More refused messages than this, and their queue as a whole rests instead.
const MAX_RESTING: usize = 1_000;

pub(crate) async fn run(relay: Relay, stop: CancellationToken) {
    let waker = relay.db.waker(QUEUE_WAKER);
    let mut lane = Lane { relay, resting: Resting::default(), backoff: Backoff::up_to(QUEUE_LIMIT) };
    while !stop.is_cancelled() {
        // Dropped when it must stop at once: what SQS took and was not deleted is sent again by the next leader.
        let Some(busy) = stop.run_until_cancelled(lane.step()).await else { return };
        if !busy {
            tokio::select! {
                () = stop.cancelled() => return,
                () = waker.notified() => {}
                () = sleep(POLL) => {}
            }
        }
    }
}

struct Lane {
    relay: Relay,
    resting: Resting,
    /// For the database.
    backoff: Backoff,
}

impl Lane {
    /// Sends one batch; `false` when there was nothing to do.
    async fn step(&mut self) -> bool {
        self.resting.forget_rested();
        let (seqs, queues) = self.resting.now();
        let rows = match store::jobs(&self.relay.db, seqs, queues, BATCH).await {
            Ok(rows) => rows,
            Err(error) => return self.database_failed(&error).await,
        };
        if rows.is_empty() {
            self.backoff.reset();
            return false;
        }
        failpoint!("outbox::jobs_read");
        let mut by_queue: BTreeMap<String, Vec<JobRow>> = BTreeMap::new();
        for row in rows {
            by_queue.entry(row.queue.clone()).or_default().push(row);
        }
        let sends = by_queue.into_iter().map(|(queue, rows)| send(&self.relay, queue, rows));
        let mut sent = Vec::new();
        for (queue, results) in join_all(sends).await {
            sent.extend(self.settle(&queue, results));
        }
        if sent.is_empty() {
            return true;
        }
        failpoint!("outbox::jobs_sent");
        let count = sent.len();
        if let Err(error) = store::delete(&self.relay.db, LANE, sent).await {
            return self.database_failed(&error).await;
        }
        failpoint!("outbox::jobs_deleted");
        self.relay.metrics.published(LANE, count);
        self.backoff.reset();
        true
    }

    async fn database_failed(&mut self, error: &pg::Error) -> bool {
        self.relay.metrics.error(LANE);
        tracing::warn!(error = crate::chain(error), "outbox queue lane lost its database, trying again");
        sleep(self.backoff.fail()).await;
        true
    }

    /// Remembers what is to rest, and returns what was sent.
    fn settle(&mut self, queue: &str, results: Vec<(i64, Result<(), EntryError>)>) -> Vec<i64> {
        let mut sent = Vec::new();
        let mut failed = Vec::new();
        for (seq, result) in results {
            match result {
                Ok(()) => {
                    self.resting.entries.remove(&seq);
                    sent.push(seq);
                }
                Err(error) => failed.push((seq, error)),
            }
        }
        let Some((_, first)) = failed.first() else {
            self.resting.queues.remove(queue);
            return sent;
        };
        self.relay.metrics.error(LANE);
        tracing::warn!(queue, failed = failed.len(), sent = sent.len(), error = %first, "jobs not sent, trying again");
        if sent.is_empty() || self.resting.entries.len() + failed.len() > MAX_RESTING {
            self.resting.queue(queue);
        } else {
            failed.iter().for_each(|(seq, _)| self.resting.entry(*seq));
        }
        sent
    }
}

async fn send(
    relay: &Relay,
    queue: String,
    rows: Vec<JobRow>,
) -> (String, Vec<(i64, Result<(), EntryError>)>) {
    let mut messages = Vec::with_capacity(rows.len());
    let mut spans = Vec::with_capacity(rows.len());
    for row in &rows {
        let span =
            tracing::info_span!("outbox.send", otel.kind = "producer", messaging.destination.name = queue);
        if let Some(traceparent) = &row.traceparent {
            telemetry::context::set_parent(&span, traceparent);
        }
        let traceparent = span.in_scope(telemetry::context::traceparent).or_else(|| row.traceparent.clone());
        messages.push(Outgoing::body(row.body.as_str()).traceparent(traceparent.as_deref()));
        spans.push(span);
    }
    let batch = tracing::debug_span!("outbox.send_batch", queue, messages = messages.len());
    let results = relay.sqs.send_batch(&queue, &messages).instrument(batch).await;
    let results = rows.iter().map(|row| row.seq).zip(results).collect();
    (queue, results)
}

/// What failed and is not tried again yet. Forgotten when leadership is lost; then it is tried at once.
#[derive(Default)]
struct Resting {
    queues: HashMap<String, Backoff>,
    entries: HashMap<i64, Backoff>,
}

impl Resting {
    fn queue(&mut self, queue: &str) {
        self.queues.entry(queue.to_owned()).or_insert_with(|| Backoff::up_to(QUEUE_LIMIT)).fail();
    }

    fn entry(&mut self, seq: i64) {
        self.entries.entry(seq).or_insert_with(|| Backoff::up_to(ENTRY_LIMIT)).fail();
    }

    fn now(&self) -> (Vec<i64>, Vec<String>) {
        let entries = self.entries.iter().filter(|(_, rest)| rest.is_waiting()).map(|(seq, _)| *seq);
        let queues = self.queues.iter().filter(|(_, rest)| rest.is_waiting()).map(|(queue, _)| queue.clone());
        (entries.collect(), queues.collect())
    }

    /// Keeps the map as small as its limit: a row may have been deleted by another leader meanwhile.
    fn forget_rested(&mut self) {
        if self.entries.len() >= MAX_RESTING {
            self.entries.retain(|_, rest| rest.is_waiting());
        }
    }
}
