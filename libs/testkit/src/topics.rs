//! Fresh Kafka topics per test.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};
use topology::Topology;

use crate::cleanup::{on_own_thread, unique};
use crate::env::env;

/// Enough to have order within keys only; making twelve takes longer than most tests.
const PARTITIONS: u32 = 3;

/// The topics of the topology under a prefix nobody else uses. They are deleted with this value.
#[derive(Debug)]
pub struct TestKafka {
    /// Settings of `kafka` with that prefix.
    pub settings: kafka::Settings,
}

/// Makes every topic of the topology, with at most three partitions.
///
/// # Panics
/// When Kafka does not answer.
pub async fn kafka() -> TestKafka {
    let kafka =
        TestKafka { settings: kafka::Settings::plaintext(env().kafka_brokers(), format!("t{}-", unique())) };
    let topics: Vec<_> =
        Topology::get().topics.iter().map(|t| (t.name.as_str(), t.partitions.min(PARTITIONS))).collect();
    kafka.create(&topics).await;
    kafka
}

impl TestKafka {
    /// What a service's process is told of it, without its prefix.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("KAFKA__BROKERS", self.settings.brokers.clone()),
            ("KAFKA__TOPIC_PREFIX", self.settings.topic_prefix.clone()),
        ]
    }

    /// Name on the broker of a topic of the topology.
    #[must_use]
    pub fn topic(&self, name: &str) -> String {
        self.settings.topic(name)
    }

    /// Everything on a topic of the topology up to its present ends, a key's in order.
    ///
    /// # Panics
    /// When Kafka does not answer.
    pub async fn records(&self, name: &str) -> Vec<kafka::Record> {
        let (settings, topic) = (self.settings.clone(), self.topic(name));
        tokio::task::spawn_blocking(move || read(&settings, &topic)).await.expect("the reader does not panic")
    }

    /// Makes further topics, given by name without prefix and number of partitions, and waits until they have leaders.
    ///
    /// # Panics
    /// When Kafka refuses.
    pub async fn create(&self, topics: &[(&str, u32)]) {
        let names: Vec<_> = topics.iter().map(|(name, count)| (self.topic(name), *count)).collect();
        let new: Vec<_> = names
            .iter()
            .map(|(name, count)| {
                NewTopic::new(
                    name,
                    i32::try_from(*count).expect("few partitions"),
                    TopicReplication::Fixed(1),
                )
            })
            .collect();
        let admin = admin(&self.settings.brokers);
        // The broker answers when the topics are there, leaders included.
        let options = AdminOptions::new()
            .operation_timeout(Some(Duration::from_secs(20)))
            .request_timeout(Some(Duration::from_secs(30)));
        for result in admin.create_topics(&new, &options).await.expect("Kafka of the test servers") {
            result.expect("topic");
        }
    }

    /// Sets the largest batch of records, in bytes, that a topic takes; given by its name without prefix.
    ///
    /// # Panics
    /// When Kafka refuses.
    pub async fn limit_size(&self, name: &str, bytes: u32) {
        let (topic, bytes) = (self.topic(name), bytes.to_string());
        let config = AlterConfig::new(ResourceSpecifier::Topic(&topic)).set("max.message.bytes", &bytes);
        let altered = admin(&self.settings.brokers).alter_configs(&[config], &AdminOptions::new()).await;
        for result in altered.expect("Kafka of the test servers") {
            result.expect("topic");
        }
    }
}

fn read(settings: &kafka::Settings, topic: &str) -> Vec<kafka::Record> {
    let timeout = Duration::from_secs(10);
    let consumer: BaseConsumer = settings.consumer("tests").create().expect("a consumer");
    let metadata = consumer.fetch_metadata(Some(topic), timeout).expect("metadata");
    let mut open = BTreeMap::new();
    let mut list = TopicPartitionList::new();
    for partition in metadata.topics()[0].partitions() {
        let (low, high) = consumer.fetch_watermarks(topic, partition.id(), timeout).expect("watermarks");
        if low < high {
            open.insert(partition.id(), high);
        }
        list.add_partition_offset(topic, partition.id(), Offset::Beginning).expect("a partition");
    }
    consumer.assign(&list).expect("assigned");
    let mut records = Vec::new();
    // Each partition to its own end: what comes meanwhile must not stand for what was there.
    while !open.is_empty() {
        let message = consumer.poll(timeout).expect("a record in time").expect("a record");
        let Some(high) = open.get(&message.partition()).copied() else { continue };
        records.push(kafka::Record::from_message(&message));
        if message.offset() + 1 >= high {
            open.remove(&message.partition());
        }
    }
    records
}

impl Drop for TestKafka {
    fn drop(&mut self) {
        let kafka::Settings { brokers, topic_prefix, .. } = self.settings.clone();
        on_own_thread(move || async move {
            let admin = admin(&brokers);
            let Ok(all) = admin.inner().fetch_metadata(None, Duration::from_secs(5)) else { return };
            let names: Vec<_> = all
                .topics()
                .iter()
                .map(rdkafka::metadata::MetadataTopic::name)
                .filter(|n| n.starts_with(&topic_prefix))
                .collect();
            let _ = admin.delete_topics(&names, &AdminOptions::new()).await;
        });
    }
}

fn admin(brokers: &str) -> AdminClient<DefaultClientContext> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    config.create().expect("a client")
}
