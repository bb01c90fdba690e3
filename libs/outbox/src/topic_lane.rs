//! Events to Kafka: carries out what [`crate::flight`] decides.

use std::collections::HashMap;
use std::time::Duration;

use backoff::Backoff;
use kafka::rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rpc_error::Chain;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::append::TOPIC_WAKER;
use crate::failpoint::failpoint;
use crate::flight::{Flight, Limits, Report, Verdict};
use crate::metrics::Kind;
use crate::parking;
use crate::producer::{self, Outcome, Producer, Reports};
use crate::relay::{POLL, Relay};
use crate::table::{EventRow, Found, Table};

pub(crate) const LANE: &str = "topic";
/// Rows taken from the table at once.
const BATCH: usize = 1_000;
/// Bytes taken from the table at once, by the size of the rows before.
const BATCH_BYTES: usize = 4 << 20;
/// What may be on its way to the brokers: a bound on memory.
const MAX_UNDER_WAY: usize = 6_000;
const MAX_BYTES: usize = 24 << 20;
/// From one look to the next, unless the last one left rows behind: whatever wakes the lane meanwhile waits for it.
const GAP: Duration = Duration::from_millis(4);
/// How often the table is read from its first row on: at most, by the part of the time that may take, and at least.
const SWEEP: Duration = Duration::from_secs(2);
const SWEEP_SHARE: u32 = 20;
const SWEEP_AT_LEAST: Duration = Duration::from_secs(10);
/// How long an orderly end waits for what is on its way, so that it need not be repeated.
const FAREWELL: Duration = Duration::from_secs(2);

/// Publishes until `stop`; when the process is shutting down as well, the lock is still held and there is time to end
/// in order.
pub(crate) async fn run(relay: Relay, stop: CancellationToken, shutdown: CancellationToken) {
    let mut backoff = Backoff::up_to(Duration::from_secs(5));
    let mut lane = Lane::new(&relay);
    while !stop.is_cancelled() {
        let producer = match Producer::start(&relay) {
            Ok(producer) => producer,
            Err(error) => {
                relay.metrics.error(LANE, Kind::Producer);
                tracing::error!(%error, "outbox producer cannot be made, trying again");
                stop.run_until_cancelled(sleep(backoff.fail())).await;
                continue;
            }
        };
        let stopped = stop.run_until_cancelled(lane.publish(&producer, &mut backoff)).await.is_none();
        let patience = if shutdown.is_cancelled() { FAREWELL } else { Duration::ZERO };
        lane.end(producer, patience).await;
        if !stopped {
            stop.run_until_cancelled(sleep(backoff.fail())).await;
        }
    }
    lane.close().await;
}

struct Lane<'r> {
    relay: &'r Relay,
    flight: Flight,
    table: Table,
    /// Names of topics on the cluster.
    topics: HashMap<String, String>,
    /// Reports as they come in; kept for its memory.
    outcomes: Vec<Outcome>,
    /// Why the last record that may be at fault itself was refused.
    reason: &'static str,
    bytes_under_way: usize,
    /// Of a row, lately.
    bytes_each: usize,
    /// How long to wait for a reason to look, which grows while there is none.
    poll: Duration,
    sweep_at: Instant,
}

impl<'r> Lane<'r> {
    fn new(relay: &'r Relay) -> Self {
        Self {
            relay,
            flight: Flight::new(Limits { batch: BATCH, under_way: MAX_UNDER_WAY }),
            table: Table::new(&relay.db),
            topics: HashMap::new(),
            outcomes: Vec::new(),
            reason: "",
            bytes_under_way: 0,
            bytes_each: 1,
            poll: GAP,
            sweep_at: Instant::now(),
        }
    }

    /// Publishes until the producer can be trusted no longer.
    async fn publish(&mut self, producer: &Producer, backoff: &mut Backoff) {
        let waker = self.relay.db.waker(TOPIC_WAKER);
        let mut database = Backoff::up_to(Duration::from_secs(2));
        loop {
            let next = Instant::now() + GAP;
            if self.note(&producer.reports) > 0 {
                failpoint!("outbox::acked");
                backoff.reset();
            }
            if self.flight.is_broken() {
                return;
            }
            match self.step(producer).await {
                Ok(more) => {
                    database.reset();
                    if more {
                        continue;
                    }
                }
                Err(error) => {
                    self.relay.metrics.error(LANE, Kind::Database);
                    tracing::warn!(error = %Chain(&error), "outbox topic lane lost its database, trying again");
                    sleep(database.fail()).await;
                    continue;
                }
            }
            tokio::select! {
                () = producer.reports.ready() => {}
                () = waker.notified() => {}
                () = sleep(self.poll) => {}
            }
            sleep_until(next).await;
        }
    }

    /// Takes in what the producer reported; returns how much was acknowledged.
    fn note(&mut self, reports: &Reports) -> usize {
        reports.swap(&mut self.outcomes);
        let mut acknowledged = 0;
        for Outcome { seq, bytes, result } in self.outcomes.drain(..) {
            self.bytes_under_way = self.bytes_under_way.saturating_sub(bytes);
            let Err(error) = result else {
                self.flight.reported(seq, Report::Acknowledged);
                acknowledged += 1;
                continue;
            };
            if !self.flight.is_broken() {
                self.relay.metrics.error(LANE, Kind::Producer);
                tracing::error!(%error, "outbox producer failed, starting again at the first unacknowledged event");
            }
            let report = match producer::own_fault(&error) {
                Some(reason) => {
                    self.reason = reason;
                    Report::Refused
                }
                None => Report::Failed,
            };
            self.flight.reported(seq, report);
        }
        self.relay.metrics.published(LANE, acknowledged);
        acknowledged
    }

    /// Deletes what was acknowledged, hands over what is next; returns whether there is more.
    async fn step(&mut self, producer: &Producer) -> Result<bool, pg::Error> {
        if let Some(seq) = self.flight.to_park() {
            parking::park(&self.relay.db, &self.relay.clock, LANE, seq, self.reason.to_owned()).await?;
            self.relay.metrics.error(LANE, Kind::Parked);
            tracing::error!(seq, reason = self.reason, "event can never be published, parked with its key");
            self.flight.parked(seq);
        }
        let begun = Instant::now();
        let sweep = begun >= self.sweep_at;
        if sweep {
            self.flight.sweep();
        }
        let max = (BATCH_BYTES / self.bytes_each).clamp(16, BATCH);
        let max = if self.bytes_under_way > MAX_BYTES { 0 } else { max };
        let Some(look) = self.flight.look(max) else { return Ok(false) };
        let found = self.table.events(&look).await?;
        if sweep {
            self.sweep_at = Instant::now() + (begun.elapsed() * SWEEP_SHARE).clamp(SWEEP, SWEEP_AT_LEAST);
        }
        if !look.delete.is_empty() {
            failpoint!("outbox::deleted");
        }
        failpoint!("outbox::read");
        let Found { horizon, parked, rows } = found;
        if !self.flight.found(&look, horizon, parked) {
            return Ok(true);
        }
        let busy = !rows.is_empty() || !look.delete.is_empty();
        self.poll = if busy { GAP } else { POLL.min(self.poll * 2) };
        let (complete, behind) = self.hand_over(producer, rows);
        let more = self.flight.end(complete);
        if !behind.is_empty() && !parking::park_behind(&self.relay.db, &self.relay.clock, behind).await? {
            self.flight.from_start();
        }
        Ok(more && look.limit > 0)
    }

    /// Hands rows over as far as that goes. Returns whether it went to the end, and which are to be parked behind others.
    fn hand_over(&mut self, producer: &Producer, rows: Vec<EventRow>) -> (bool, Vec<i64>) {
        if let Some(bytes) = rows.iter().map(EventRow::bytes).sum::<usize>().checked_div(rows.len()) {
            self.bytes_each = bytes.max(1);
            self.relay.metrics.batch(LANE, rows.len());
        }
        let mut behind = Vec::new();
        for EventRow { seq, topic, key, event } in rows {
            match self.flight.admit(seq, &topic, &key) {
                Verdict::Hand => {}
                Verdict::Behind => {
                    behind.push(seq);
                    continue;
                }
                Verdict::Stop => return (false, behind),
            }
            let Some(event) = event else {
                self.reason = "EVENT_UNREADABLE";
                self.flight.refused(seq);
                return (false, behind);
            };
            let topic = match self.topics.get(&topic) {
                Some(topic) => topic,
                None => self.topics.entry(topic.clone()).or_insert(self.relay.kafka.topic(&topic)),
            };
            match producer.send(seq, topic, &event) {
                Ok(bytes) => {
                    self.bytes_under_way += bytes;
                    self.flight.handed(seq);
                    failpoint!("outbox::handed");
                }
                // Its thread catches up in a moment; what was not handed over is read again, in order.
                Err(KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)) => return (false, behind),
                Err(error) => {
                    self.relay.metrics.error(LANE, Kind::Producer);
                    tracing::error!(%error, topic, "outbox producer does not take an event");
                    match producer::own_fault(&error) {
                        Some(reason) => {
                            self.reason = reason;
                            self.flight.refused(seq);
                        }
                        None => self.flight.failed(),
                    }
                    return (false, behind);
                }
            }
        }
        (true, behind)
    }

    /// Ends the producer, which drops what it still has, and notes what it reports to the last.
    async fn end(&mut self, producer: Producer, patience: Duration) {
        let reports = producer.reports.clone();
        producer.end(patience).await;
        self.note(&reports);
        self.bytes_under_way = 0;
        self.flight.restart();
    }

    /// Deletes what was acknowledged to the last.
    async fn close(mut self) {
        let acknowledged = self.flight.acknowledged();
        if !acknowledged.is_empty()
            && let Err(error) = self.table.delete(LANE, acknowledged).await
        {
            // They are published again by whoever leads next, and dropped by their id.
            let count = acknowledged.len();
            tracing::warn!(error = %Chain(&error), count, "acknowledged events could not be deleted");
        }
        self.table.close().await;
    }
}
