//! The events, as `libs/kafka` writes them.

use anyhow::{Context as _, Result, anyhow};
use clock::Clock;
use ids::EventId;
use kafka::{CloudEvent, Tracing};
use rand::Rng as _;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;
use std::time::Duration;

/// The type of every event.
pub(crate) const TYPE: &str = "guildhall.bench.counted.v1";
/// Keys, each with as many events as any other.
pub(crate) const KEYS: usize = 4_000;
const PAYLOAD: usize = 512;

/// A topic and what is in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Topic {
    pub(crate) partitions: i32,
    /// Tenants whose events alternate.
    pub(crate) tenants: usize,
    pub(crate) events: usize,
}

impl Topic {
    pub(crate) fn name(self) -> String {
        format!("bench.p{}.t{}", self.partitions, self.tenants)
    }

    /// Makes it and writes its events: one of each key in turn, numbered from 1 within the key.
    pub(crate) async fn fill(self, brokers: &str) -> Result<()> {
        let settings = kafka::Settings::plaintext(brokers, "");
        let name = self.name();
        let admin: AdminClient<DefaultClientContext> = settings.client().create()?;
        let new = NewTopic::new(&name, self.partitions, TopicReplication::Fixed(1));
        let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(20)));
        for result in admin.create_topics([&new], &options).await? {
            result.map_err(|(topic, code)| anyhow!("{topic}: {code}"))?;
        }
        tokio::task::spawn_blocking(move || self.write(&settings)).await?
    }

    fn write(self, settings: &kafka::Settings) -> Result<()> {
        let producer: ThreadedProducer<DefaultProducerContext> = settings.producer().create()?;
        let (name, clock) = (self.name(), Clock::system());
        for number in 0..self.events {
            let event = self.event(number, &clock)?;
            let mut record = BaseRecord::to(&name)
                .key(&event.key)
                .payload(&event.payload)
                .headers(event.headers(Tracing::AsIs));
            while let Err((error, again)) = producer.send(record) {
                if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                    return Err(error.into());
                }
                producer.flush(Duration::from_secs(30)).context("the broker takes no events")?;
                record = again;
            }
        }
        producer.flush(Duration::from_secs(60)).context("the broker takes no events")
    }

    fn event(self, number: usize, clock: &Clock) -> Result<CloudEvent> {
        let (key, turn) = (number % KEYS, number / KEYS + 1);
        let mut payload = u64::try_from(turn)?.to_be_bytes().to_vec();
        let mut random = rand::rng();
        // Half of it is text that repeats and half does not, as in a message with ids.
        while payload.len() < PAYLOAD {
            payload.extend(random.random::<[u8; 16]>());
            payload.extend(b"guildhall.bench.");
        }
        payload.truncate(PAYLOAD);
        Ok(CloudEvent {
            id: EventId::mint(clock),
            type_: TYPE.to_owned(),
            source: "/guildhall/bench".to_owned(),
            subject: format!("subject-{key}"),
            time: clock.now(),
            tenant: format!("tenant-{}", key % self.tenants).parse()?,
            dataschema: "proto:guildhall.bench.v1.Counted".to_owned(),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
            key: format!("018f5e3a-7c00-7000-8000-{key:012}"),
            payload,
        })
    }
}
