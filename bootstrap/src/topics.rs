//! Topics of the topology.

use std::time::Duration;

use clock::Clock;
use kafka::rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use kafka::rdkafka::error::{KafkaError, RDKafkaErrorCode};
use kafka::{Connection, Settings};
use topology::Topic;

const PATIENCE: Duration = Duration::from_secs(30);

/// Why topics are not as they should be.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The client cannot be made.
    #[error("cannot prepare to sign in at the brokers")]
    Connection(#[from] kafka::MskIamError),
    /// The brokers do not answer, or refuse all of it.
    #[error("the brokers refuse")]
    Kafka(#[from] KafkaError),
    /// The brokers refuse a topic.
    #[error("topic {topic}: {code}")]
    Refused {
        /// Its name on the cluster.
        topic: String,
        /// Why.
        code: RDKafkaErrorCode,
    },
    /// A topic has another number of partitions, which never changes.
    #[error(
        "topic {topic} has {there} partitions and must have {wanted}; who changes that loses the order within keys"
    )]
    Partitions {
        /// Its name on the cluster.
        topic: String,
        /// As it is.
        there: usize,
        /// As the list has it.
        wanted: usize,
    },
}

/// Makes those that are not there.
pub(crate) async fn create(
    settings: &Settings,
    clock: &Clock,
    topics: &[Topic],
    replicas: i32,
) -> Result<(), Error> {
    let admin: AdminClient<Connection> =
        settings.client().create_with_context(Connection::new(settings, clock)?)?;
    // What is there is looked at before: what was just made is not known to every broker at once.
    let metadata = admin.inner().fetch_metadata(None, PATIENCE)?;
    let mut missing = Vec::new();
    for topic in topics {
        let (name, wanted) = (settings.topic(&topic.name), topic.partitions as usize);
        match metadata.topics().iter().find(|there| there.name() == name) {
            None => missing.push((name, topic)),
            Some(there) if there.partitions().len() == wanted => {}
            Some(there) => {
                return Err(Error::Partitions { topic: name, there: there.partitions().len(), wanted });
            }
        }
    }
    let retentions: Vec<String> = missing
        .iter()
        .map(|(_, topic)| (u64::from(topic.retention_days) * 24 * 60 * 60 * 1000).to_string())
        .collect();
    let new: Vec<NewTopic<'_>> = missing
        .iter()
        .zip(&retentions)
        .map(|((name, topic), retention)| {
            let partitions = i32::try_from(topic.partitions).unwrap_or(i32::MAX);
            NewTopic::new(name, partitions, TopicReplication::Fixed(replicas)).set("retention.ms", retention)
        })
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    // The brokers answer when the topics have leaders.
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE)).request_timeout(Some(PATIENCE));
    for result in admin.create_topics(&new, &options).await? {
        match result {
            Ok(topic) => tracing::info!(topic, "topic is made"),
            // Another run was faster.
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => return Err(Error::Refused { topic, code }),
        }
    }
    Ok(())
}
