//! Events to Kafka: handed to one idempotent producer in the order of appending, deleted when acknowledged.

use std::collections::BTreeSet;
use std::time::Duration;

use kafka::rdkafka::ClientContext;
use kafka::rdkafka::client::OAuthToken;
use kafka::rdkafka::config::RDKafkaLogLevel;
use kafka::rdkafka::error::{KafkaError, RDKafkaErrorCode};
use kafka::rdkafka::producer::{
    BaseRecord, DeliveryResult, NoCustomPartitioner, Producer as _, ProducerContext, ThreadedProducer,
};
use kafka::{Connection, Tracing};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::Span;

use crate::append::TOPIC_WAKER;
use crate::backoff::Backoff;
use crate::failpoint::failpoint;
use crate::relay::{POLL, Relay};
use crate::store::{self, EventRow};

pub(crate) const LANE: &str = "topic";
/// Rows taken from the table at once.
const BATCH: usize = 500;
/// Rows that may be on their way to the brokers: with payloads of at most 64 KiB a bound on memory too.
const MAX_UNDER_WAY: usize = 2_000;

/// How long an orderly end waits for what is on its way, so that it need not be repeated.
const FAREWELL: Duration = Duration::from_secs(2);

/// Publishes until `stop`; when the process is shutting down as well, the lock is still held and there is time to end
/// in order.
pub(crate) async fn run(relay: Relay, stop: CancellationToken, shutdown: CancellationToken) {
    let mut backoff = Backoff::up_to(Duration::from_secs(5));
    while !stop.is_cancelled() {
        let mut lane = match Lane::start(&relay) {
            Ok(lane) => lane,
            Err(error) => {
                relay.metrics.error(LANE);
                tracing::error!(%error, "outbox producer cannot be made, trying again");
                stop.run_until_cancelled(sleep(backoff.fail())).await;
                continue;
            }
        };
        let end = stop.run_until_cancelled(lane.publish(&mut backoff)).await;
        if let Some(error) = &end {
            relay.metrics.error(LANE);
            tracing::error!(%error, "outbox producer failed, starting again at the first unacknowledged event");
        }
        let patience = if shutdown.is_cancelled() { FAREWELL } else { Duration::ZERO };
        lane.finish(patience).await;
        if end.is_some() {
            stop.run_until_cancelled(sleep(backoff.fail())).await;
        }
    }
}

/// One producer's life.
struct Lane<'r> {
    relay: &'r Relay,
    producer: ThreadedProducer<Context>,
    reports: UnboundedReceiver<Report>,
    /// Handed to the producer, or acknowledged and not deleted yet.
    under_way: BTreeSet<i64>,
    acknowledged: Vec<i64>,
}

impl<'r> Lane<'r> {
    fn start(relay: &'r Relay) -> Result<Self, KafkaError> {
        let (sender, reports) = unbounded_channel();
        let context = Context { connection: relay.connection.clone(), reports: sender };
        let producer = relay.kafka.producer().create_with_context(context)?;
        Ok(Self { relay, producer, reports, under_way: BTreeSet::new(), acknowledged: Vec::new() })
    }

    /// Publishes until the producer can be trusted no longer, and says why.
    async fn publish(&mut self, backoff: &mut Backoff) -> KafkaError {
        let waker = self.relay.db.waker(TOPIC_WAKER);
        let mut database = Backoff::up_to(Duration::from_secs(2));
        loop {
            let handed = match self.step(backoff).await {
                Ok(handed) => handed,
                Err(Failure::Kafka(error)) => return error,
                Err(Failure::Database(error)) => {
                    self.relay.metrics.error(LANE);
                    tracing::warn!(
                        error = crate::chain(&error),
                        "outbox topic lane lost its database, trying again"
                    );
                    sleep(database.fail()).await;
                    continue;
                }
            };
            database.reset();
            if handed == BATCH {
                continue;
            }
            tokio::select! {
                Some(report) = self.reports.recv() => if let Err(error) = self.note(report) { return error },
                () = waker.notified() => {}
                () = sleep(POLL) => {}
            }
        }
    }

    /// Deletes what was acknowledged, hands over what is next; returns how much that was.
    async fn step(&mut self, backoff: &mut Backoff) -> Result<usize, Failure> {
        while let Ok(report) = self.reports.try_recv() {
            self.note(report).map_err(Failure::Kafka)?;
        }
        if !self.acknowledged.is_empty() {
            failpoint!("outbox::acked");
            self.delete().await?;
            failpoint!("outbox::deleted");
            backoff.reset();
        }
        if self.under_way.len() + BATCH > MAX_UNDER_WAY {
            return Ok(0);
        }
        let under_way = self.under_way.iter().copied().collect();
        let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
        let rows = store::events(&self.relay.db, under_way, limit).await?;
        failpoint!("outbox::read");
        let count = rows.len();
        for row in rows {
            match self.hand_over(row) {
                Ok(()) => {}
                // Its thread catches up in a moment; what was not handed over is read again, in order.
                Err(KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)) => return Ok(0),
                Err(error) => return Err(Failure::Kafka(error)),
            }
        }
        Ok(count)
    }

    fn hand_over(&mut self, row: EventRow) -> Result<(), KafkaError> {
        let EventRow { seq, topic, event } = row;
        let topic = self.relay.kafka.topic(&topic);
        let span = tracing::info_span!(
            "outbox.publish",
            otel.kind = "producer",
            messaging.destination.name = topic,
            event.id = %event.id,
            event.type = event.type_,
            tenant = %event.tenant,
        );
        if let Some(traceparent) = &event.traceparent {
            telemetry::context::set_parent(&span, traceparent);
        }
        let through = span.in_scope(telemetry::context::traceparent);
        let headers = event.headers(through.as_deref().map_or(Tracing::AsIs, Tracing::Through));
        let record = BaseRecord::with_opaque_to(&topic, Box::new(Delivery { seq, _span: span }))
            .key(&event.key)
            .payload(&event.payload)
            .headers(headers);
        self.producer.send(record).map_err(|(error, _)| error)?;
        failpoint!("outbox::handed");
        self.under_way.insert(seq);
        Ok(())
    }

    fn note(&mut self, report: Report) -> Result<(), KafkaError> {
        match report.result {
            Ok(()) => {
                self.acknowledged.push(report.seq);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn delete(&mut self) -> Result<(), pg::Error> {
        store::delete(&self.relay.db, LANE, self.acknowledged.clone()).await?;
        self.relay.metrics.published(LANE, self.acknowledged.len());
        for seq in self.acknowledged.drain(..) {
            self.under_way.remove(&seq);
        }
        Ok(())
    }

    /// Ends the producer, which drops what it still has, and deletes what it reports as acknowledged to the last.
    async fn finish(self, patience: Duration) {
        let Self { relay, producer, mut reports, mut acknowledged, .. } = self;
        // Both wait, dropping for the producer's thread.
        let ended = tokio::task::spawn_blocking(move || {
            if let Err(error) = producer.flush(patience) {
                tracing::debug!(%error, "events on their way at the end of an outbox producer");
            }
            drop(producer);
        });
        if let Err(error) = ended.await {
            tracing::error!(%error, "outbox producer did not end cleanly");
        }
        while let Ok(report) = reports.try_recv() {
            if report.result.is_ok() {
                acknowledged.push(report.seq);
            }
        }
        if acknowledged.is_empty() {
            return;
        }
        let count = acknowledged.len();
        match store::delete(&relay.db, LANE, acknowledged).await {
            Ok(()) => relay.metrics.published(LANE, count),
            // They are published again by whoever leads next, and dropped by their id.
            Err(error) => tracing::warn!(
                error = crate::chain(&error),
                count,
                "acknowledged events could not be deleted"
            ),
        }
    }
}

#[derive(Debug)]
enum Failure {
    Kafka(KafkaError),
    Database(pg::Error),
}

impl From<pg::Error> for Failure {
    fn from(error: pg::Error) -> Self {
        Self::Database(error)
    }
}

/// What the producer carries along with a record; the span ends with it.
struct Delivery {
    seq: i64,
    _span: Span,
}

struct Report {
    seq: i64,
    result: Result<(), KafkaError>,
}

struct Context {
    connection: Connection,
    reports: UnboundedSender<Report>,
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.connection.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.connection.error(error, reason);
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.connection.generate_oauth_token(config)
    }
}

impl ProducerContext<NoCustomPartitioner> for Context {
    type DeliveryOpaque = Box<Delivery>;

    fn delivery(&self, result: &DeliveryResult<'_>, delivery: Self::DeliveryOpaque) {
        let result = result.as_ref().map(|_| ()).map_err(|(error, _)| error.clone());
        // The lane is gone only when it no longer wants to know.
        let _ = self.reports.send(Report { seq: delivery.seq, result });
    }
}
