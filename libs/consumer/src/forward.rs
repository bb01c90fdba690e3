//! Forward mode: for a process without a database, whose handlers may be repeated and come in any order.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use futures::future::BoxFuture;
use kafka::rdkafka::message::{Header, OwnedHeaders};
use kafka::rdkafka::producer::{FutureProducer, FutureRecord};
use kafka::{Apart, CloudEvent, Connection, Record};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::apply::{Broken, Mode, Tally, refused, span};
use crate::failure::BoxError;
use crate::group::Group;
use crate::handlers::caught;
use crate::item::{Content, Item};
use crate::{Error, Failure};

type Handler = Arc<dyn for<'c> Fn(&'c CloudEvent) -> BoxFuture<'c, Result<(), Failure>> + Send + Sync>;

/// How long a dead letter may take before the whole record is tried again.
const PATIENCE: Duration = Duration::from_secs(10);

/// A consumer whose effects are elsewhere; made by [`forward`].
#[must_use = "nothing is consumed before `run`"]
pub struct Forward {
    group: Group,
    forwarding: Forwarding,
}

/// Consumes `topics` as `group`, both without the environment's prefix, without a database. Give it handlers, then
/// run it. Poison goes to `<topic>.worker.dlq`.
///
/// # Errors
/// When a Kafka client cannot be prepared; nothing is asked of the brokers yet.
pub fn forward(
    kafka: &kafka::Settings,
    clock: &Clock,
    group: &str,
    topics: &[&str],
) -> Result<Forward, Error> {
    let producer = kafka.producer().create_with_context(Connection::new(kafka, clock)?)?;
    let forwarding =
        Forwarding { producer: Apart::new(producer), group: group.to_owned(), handlers: HashMap::new() };
    Ok(Forward { group: Group::new(kafka, clock, group, topics)?, forwarding })
}

impl Forward {
    /// Hands events of `type_` to `handler`, which must bear repetition: what it starts is named by the event.
    pub fn on<H>(mut self, type_: &str, handler: H) -> Self
    where
        H: for<'c> Fn(&'c CloudEvent) -> BoxFuture<'c, Result<(), Failure>> + Send + Sync + 'static,
    {
        self.forwarding.handlers.insert(type_.to_owned(), Arc::new(handler));
        self
    }

    /// Sets a property of the Kafka client, for example `max.poll.interval.ms`.
    pub fn client_property(mut self, key: &str, value: &str) -> Self {
        self.group.client_property(key, value);
        self
    }

    /// Consumes until `shutdown`; then ends what is being handled and commits the offsets. Never fails: whatever is
    /// away is waited for.
    pub async fn run(self, shutdown: CancellationToken) {
        self.group.run(Mode::Forward(self.forwarding), shutdown).await;
    }
}

/// Hands events to handlers.
pub(crate) struct Forwarding {
    producer: Apart<FutureProducer<Connection>>,
    group: String,
    handlers: HashMap<String, Handler>,
}

impl Forwarding {
    pub(crate) fn handles(&self, type_: &str) -> bool {
        self.handlers.contains_key(type_)
    }

    /// Hands on one record.
    pub(crate) async fn apply(&self, batch: &[Arc<Item>]) -> Result<Tally, Broken> {
        for item in batch {
            let event = match &item.content {
                Content::Event(event, _) => event,
                Content::Malformed(_, malformed) => return Err(refused(malformed)),
                Content::Unwanted => continue,
            };
            let Some(handler) = self.handlers.get(&event.type_) else { continue };
            let handled = caught(handler(event)).instrument(span(item, event)).await;
            handled.map_err(|failure| Broken::at(0..1, failure))?;
        }
        Ok(Tally { applied: batch.len() as u64, ..Tally::default() })
    }

    /// Copies the record to the topic of dead letters, with why and whence.
    pub(crate) async fn bury(&self, record: &Record, reason: &str, attempts: u32) -> Result<Tally, BoxError> {
        let topic = kafka::dead_letter_topic(&record.topic);
        let headers = why(record.owned_headers(), record, &self.group, reason, attempts);
        let letter = FutureRecord {
            topic: &topic,
            partition: None,
            payload: record.payload.as_ref(),
            key: record.key.as_ref(),
            timestamp: None,
            headers: Some(headers),
        };
        let delivery = tokio::time::timeout(PATIENCE, self.producer.send(letter, Duration::ZERO));
        delivery.await?.map_err(|(error, _)| error)?;
        Ok(Tally { parked: 1, ..Tally::default() })
    }
}

fn why(headers: OwnedHeaders, record: &Record, group: &str, reason: &str, attempts: u32) -> OwnedHeaders {
    [
        ("dlq-reason", reason),
        ("dlq-group", group),
        ("dlq-topic", &record.topic),
        ("dlq-partition", &record.partition.to_string()),
        ("dlq-offset", &record.offset.to_string()),
        ("dlq-attempts", &attempts.to_string()),
    ]
    .into_iter()
    .fold(headers, |headers, (key, value)| headers.insert(Header { key, value: Some(value) }))
}
