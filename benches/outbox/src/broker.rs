//! What the harness asks of Kafka: topics, how far they are, and what is in them.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::contender::Running;
use crate::world::KEYS;

const PATIENCE: Duration = Duration::from_secs(20);

fn admin(brokers: &str) -> Result<AdminClient<DefaultClientContext>> {
    Ok(ClientConfig::new().set("bootstrap.servers", brokers).create()?)
}

pub(crate) async fn create_topic(brokers: &str, name: &str, partitions: i32) -> Result<()> {
    let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
    for made in admin(brokers)?.create_topics([&topic], &options).await? {
        made.map_err(|(name, code)| anyhow::anyhow!("topic {name}: {code}"))?;
    }
    Ok(())
}

/// Removes it with its data: a bench would fill a disk.
pub(crate) async fn delete_topic(brokers: &str, name: &str) -> Result<()> {
    admin(brokers)?.delete_topics(&[name], &AdminOptions::new()).await?;
    Ok(())
}

/// A reader of one topic.
pub(crate) struct Reader {
    consumer: BaseConsumer,
    topic: String,
    partitions: i32,
}

impl Reader {
    pub(crate) fn new(brokers: &str, topic: &str, partitions: i32) -> Result<Self> {
        let consumer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("group.id", "bench")
            .set("enable.auto.commit", "false")
            .set("fetch.wait.max.ms", "100")
            .set("queued.min.messages", "100000")
            .create()
            .context("cannot make a consumer")?;
        Ok(Self { consumer, topic: topic.to_owned(), partitions })
    }

    fn all(&self, offset: Offset) -> Result<TopicPartitionList> {
        let mut list = TopicPartitionList::new();
        for partition in 0..self.partitions {
            list.add_partition_offset(&self.topic, partition, offset)?;
        }
        Ok(list)
    }

    /// Records in the topic now.
    pub(crate) fn length(&self) -> Result<u64> {
        // One request for all partitions.
        let ends = self.consumer.offsets_for_times(self.all(Offset::End)?, PATIENCE)?;
        let offsets = ends.elements().iter().filter_map(|end| end.offset().to_raw()).sum::<i64>();
        Ok(u64::try_from(offsets).unwrap_or(0))
    }

    /// Waits until the topic has `records`; gives how many it has.
    pub(crate) async fn reaches(&self, records: u64, limit: Duration, relay: &Running) -> Result<u64> {
        let end = Instant::now() + limit;
        loop {
            let length = self.length()?;
            if length >= records {
                return Ok(length);
            }
            ensure!(!relay.ended(), "the relay ended by itself");
            ensure!(Instant::now() < end, "{length} of {records} events arrived in {} s", limit.as_secs());
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }

    /// Starts reading, for [`Reader::next`].
    pub(crate) fn follow(&self) -> Result<()> {
        Ok(self.consumer.assign(&self.all(Offset::Beginning)?)?)
    }

    /// The number of the next event, if one comes in time.
    pub(crate) fn next(&self, patience: Duration) -> Result<Option<u64>> {
        let Some(message) = self.consumer.poll(patience) else { return Ok(None) };
        let message = message?;
        Ok(Some(number(message.payload())?))
    }

    /// The check of a turn: every event from 0 to `events` is there, and within a key first arrivals are in order.
    pub(crate) fn check(&self, events: u64) -> Result<()> {
        let records = self.length()?;
        self.consumer.assign(&self.all(Offset::Beginning)?)?;
        let mut seen = HashSet::new();
        let mut last: HashMap<u64, u64> = HashMap::new();
        let mut disordered = 0_u64;
        for read in 0..records {
            let Some(message) = self.consumer.poll(PATIENCE) else {
                bail!("only {read} of {records} records can be read back");
            };
            let message = message?;
            let number = number(message.payload())?;
            let key = number % KEYS;
            let written = message.key().unwrap_or_default();
            ensure!(written == format!("k{key}").as_bytes(), "event {number} has the key of another");
            if !seen.insert(number) {
                continue;
            }
            // A repeat later is dropped by its id; a first arrival after a later event is not.
            if last.insert(key, number).is_some_and(|before| before > number) {
                disordered += 1;
            }
        }
        let lost = (0..events).filter(|number| !seen.contains(number)).count();
        ensure!(
            lost == 0 && disordered == 0,
            "{lost} events lost, {disordered} out of order within their key"
        );
        Ok(())
    }
}

fn number(payload: Option<&[u8]>) -> Result<u64> {
    let digits = payload.and_then(|payload| payload.get(..12)).context("a payload is too short")?;
    Ok(std::str::from_utf8(digits)?.parse()?)
}
