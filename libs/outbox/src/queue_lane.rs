//! Jobs to SQS, in batches; queues do not wait for each other.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use backoff::Backoff;
use futures::future::join_all;
use queue::{EntryError, Outgoing};
use rpc_error::Chain;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::append::QUEUE_WAKER;
use crate::failpoint::failpoint;
use crate::metrics::Kind;
use crate::parking;
use crate::relay::{POLL, Relay};
use crate::table::{JobRow, Table};

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
    let table = Table::new(&relay.db);
    let backoff = Backoff::up_to(QUEUE_LIMIT);
    let mut lane = Lane { relay, table, sent: Vec::new(), resting: Resting::default(), backoff };
    while !stop.is_cancelled() {
        // Dropped when it must stop at once: what SQS took and was not noted is sent again by the next leader.
        let Some(busy) = stop.run_until_cancelled(lane.step()).await else { break };
        if !busy {
            tokio::select! {
                () = stop.cancelled() => break,
                () = waker.notified() => {}
                () = sleep(POLL) => {}
            }
        }
    }
    lane.close().await;
}

struct Lane {
    relay: Relay,
    table: Table,
    /// Sent, and not deleted yet.
    sent: Vec<i64>,
    resting: Resting,
    /// For the database.
    backoff: Backoff,
}

impl Lane {
    /// Deletes what was sent, sends the next batch; `false` when there was nothing to do.
    async fn step(&mut self) -> bool {
        self.resting.forget_rested();
        let (seqs, queues) = self.resting.now();
        self.sent.sort_unstable();
        let rows = match self.table.jobs(&self.sent, &seqs, &queues, BATCH).await {
            Ok(rows) => rows,
            Err(error) => return self.database_failed(&error).await,
        };
        if !self.sent.is_empty() {
            failpoint!("outbox::jobs_deleted");
            self.sent.clear();
        }
        self.backoff.reset();
        if rows.is_empty() {
            return false;
        }
        failpoint!("outbox::jobs_read");
        self.relay.metrics.batch(LANE, rows.len());
        let mut by_queue: BTreeMap<String, Vec<JobRow>> = BTreeMap::new();
        for row in rows {
            by_queue.entry(row.queue.clone()).or_default().push(row);
        }
        let sends = by_queue.into_iter().map(|(queue, rows)| send(&self.relay, queue, rows));
        let mut refused = Vec::new();
        for (queue, results) in join_all(sends).await {
            refused.extend(self.settle(&queue, results));
        }
        failpoint!("outbox::jobs_sent");
        for (seq, reason) in refused {
            if let Err(error) =
                parking::park(&self.relay.db, &self.relay.clock, LANE, seq, reason.clone()).await
            {
                return self.database_failed(&error).await;
            }
            self.relay.metrics.error(LANE, Kind::Parked);
            tracing::error!(seq, reason, "job can never be sent, parked");
        }
        true
    }

    /// Deletes what was sent to the last.
    async fn close(mut self) {
        if !self.sent.is_empty()
            && let Err(error) = self.table.delete(LANE, &self.sent).await
        {
            let count = self.sent.len();
            tracing::warn!(error = %Chain(&error), count, "sent jobs could not be deleted");
        }
        self.table.close().await;
    }

    async fn database_failed(&mut self, error: &pg::Error) -> bool {
        self.relay.metrics.error(LANE, Kind::Database);
        tracing::warn!(error = %Chain(error), "outbox queue lane lost its database, trying again");
        sleep(self.backoff.fail()).await;
        true
    }

    /// Notes what was sent and what is to rest, and returns what is to be parked, with the reasons.
    fn settle(&mut self, queue: &str, results: Vec<(JobRow, Result<(), EntryError>)>) -> Vec<(i64, String)> {
        let now = self.relay.clock.now();
        let (mut sent, mut failed, mut refused) = (0, Vec::new(), Vec::new());
        for (row, result) in results {
            match result {
                Ok(()) => {
                    self.resting.entries.remove(&row.seq);
                    self.relay.metrics.lag(LANE, (now - row.time).as_seconds_f64());
                    self.sent.push(row.seq);
                    sent += 1;
                }
                Err(error) if is_own_fault(&error) => refused.push((row.seq, reason(&error.code))),
                Err(error) => failed.push((row.seq, error)),
            }
        }
        self.relay.metrics.published(LANE, sent);
        let Some((_, first)) = failed.first() else {
            self.resting.queues.remove(queue);
            return refused;
        };
        self.relay.metrics.error(LANE, Kind::Queue);
        tracing::warn!(queue, failed = failed.len(), sent, error = %first, "jobs not sent, trying again");
        let answered = sent + refused.len() > 0;
        if !answered || self.resting.entries.len() + failed.len() > MAX_RESTING {
            self.resting.queue(queue);
        } else {
            failed.iter().for_each(|(seq, _)| self.resting.entry(*seq));
        }
        refused
    }
}

/// SQS will never take the message as it is. A throttled sender is at fault as well, in SQS's words.
fn is_own_fault(error: &EntryError) -> bool {
    error.sender_fault && !error.code.contains("Throttl") && !error.code.contains("OverLimit")
}

/// `SQS_INVALID_MESSAGE_CONTENTS` for `InvalidMessageContents`.
fn reason(code: &str) -> String {
    let code = code.rsplit('.').next().unwrap_or_default();
    let mut reason = "SQS".to_owned();
    let mut lower = false;
    for letter in code.chars().filter(char::is_ascii_alphanumeric).take(80) {
        if letter.is_ascii_uppercase() && lower || reason.len() == 3 {
            reason.push('_');
        }
        lower = !letter.is_ascii_uppercase();
        reason.push(letter.to_ascii_uppercase());
    }
    reason
}

async fn send(
    relay: &Relay,
    queue: String,
    rows: Vec<JobRow>,
) -> (String, Vec<(JobRow, Result<(), EntryError>)>) {
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
    (queue, rows.into_iter().zip(results).collect())
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

#[cfg(test)]
mod tests {
    #[test]
    fn a_reason_is_spelt_like_every_other() {
        assert_eq!(super::reason("InvalidMessageContents"), "SQS_INVALID_MESSAGE_CONTENTS");
        assert_eq!(super::reason("AWS.SimpleQueueService.BatchRequestTooLong"), "SQS_BATCH_REQUEST_TOO_LONG");
        assert_eq!(super::reason("KMS.DisabledException"), "SQS_DISABLED_EXCEPTION");
        assert_eq!(super::reason(""), "SQS");
    }
}
