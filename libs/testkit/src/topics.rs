//! Fresh Kafka topics per test.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
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
    /// Name on the broker of a topic of the topology.
    #[must_use]
    pub fn topic(&self, name: &str) -> String {
        self.settings.topic(name)
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
