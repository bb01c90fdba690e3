//! Live events without a group, for hints: every process sees them all, from when it started to look.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use backoff::Backoff;
use clock::Clock;
use futures::Stream;
use kafka::rdkafka::client::Client;
use kafka::rdkafka::consumer::{Consumer as _, StreamConsumer};
use kafka::rdkafka::error::KafkaError;
use kafka::rdkafka::{Offset, TopicPartitionList};
use kafka::{Apart, CloudEvent, Connection, Record};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::Error;

/// Events that wait for a slow reader; the client's own buffers come on top.
const WAITING: usize = 1_024;
const PATIENCE: Duration = Duration::from_secs(5);

/// The events of a topic that come from now on, of every tenant and key. Ends when dropped.
#[derive(Debug)]
pub struct Tail {
    events: mpsc::Receiver<CloudEvent>,
    ready: watch::Receiver<bool>,
    _stop: DropGuard,
}

/// Follows `topic`, named without the environment's prefix, from its end. While the brokers are away it waits for
/// them, and goes on where it was.
///
/// # Errors
/// When the Kafka client cannot be prepared; nothing is asked of the brokers yet.
pub fn tail(kafka: &kafka::Settings, clock: &Clock, topic: &str) -> Result<Tail, Error> {
    let mut config = kafka.consumer("tail");
    // The client wants a group's name even where it never joins one; an instance id would make it one.
    config.remove("group.instance.id").set("auto.offset.reset", "latest");
    let consumer = config.create_with_context(Connection::new(kafka, clock)?)?;
    let (sender, events) = mpsc::channel(WAITING);
    let (is_ready, ready) = watch::channel(false);
    let stop = CancellationToken::new();
    let follow = follow(Apart::new(consumer), kafka.topic(topic), sender, is_ready);
    let stopped = stop.clone();
    tokio::spawn(async move { stopped.run_until_cancelled(follow).await });
    Ok(Tail { events, ready, _stop: stop.drop_guard() })
}

impl Tail {
    /// Waits until the ends of all partitions are known: every event after that is seen.
    pub async fn ready(&mut self) {
        // An error means that the task has ended, which only a runtime that stops can have done.
        let _ = self.ready.wait_for(|ready| *ready).await;
    }

    /// Whether [`Tail::ready`] would return at once.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        *self.ready.borrow()
    }

    /// The next event.
    pub async fn next(&mut self) -> Option<CloudEvent> {
        self.events.recv().await
    }
}

impl Stream for Tail {
    type Item = CloudEvent;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<CloudEvent>> {
        self.events.poll_recv(context)
    }
}

async fn follow(
    consumer: Apart<StreamConsumer<Connection>>,
    topic: String,
    events: mpsc::Sender<CloudEvent>,
    ready: watch::Sender<bool>,
) {
    let consumer = std::sync::Arc::new(consumer);
    let mut backoff = Backoff::up_to(Duration::from_secs(2));
    let assigned = loop {
        let (client, name) = (std::sync::Arc::clone(&consumer), topic.clone());
        let mut asked = tokio::task::spawn_blocking(move || ends(client.client(), &name));
        // Polled meanwhile, because that is what fetches tokens.
        let asked = loop {
            tokio::select! {
                ends = &mut asked => break ends,
                Err(error) = consumer.recv() => tracing::debug!(%error, "kafka tail reports"),
            }
        };
        match asked.map(|ends| ends.and_then(|ends| consumer.assign(&ends))) {
            Ok(Ok(())) => break true,
            Ok(Err(error)) => {
                let wait = backoff.fail();
                tracing::warn!(topic, %error, "the end of a topic is not known, trying again");
                sleep(wait).await;
            }
            Err(_) => break false,
        }
    };
    if !assigned {
        return;
    }
    ready.send_replace(true);
    loop {
        let record = match consumer.recv().await {
            Ok(message) => Record::from_message(&message),
            Err(error) => {
                tracing::debug!(%error, "kafka tail reports");
                continue;
            }
        };
        match CloudEvent::parse(&record) {
            Ok(event) => {
                if events.send(event).await.is_err() {
                    return;
                }
            }
            // Whoever consumes the topic as a group parks it.
            Err(error) => tracing::debug!(topic, offset = record.offset, %error, "record is no event"),
        }
    }
}

/// The end of every partition, asked for by number: `Offset::End` would be looked up at some later time.
fn ends(client: &Client<Connection>, topic: &str) -> Result<TopicPartitionList, KafkaError> {
    let metadata = client.fetch_metadata(Some(topic), PATIENCE)?;
    let partitions = metadata.topics().first().map_or(&[][..], |topic| topic.partitions());
    if partitions.is_empty() {
        return Err(KafkaError::MetadataFetch(
            kafka::rdkafka::types::RDKafkaErrorCode::UnknownTopicOrPartition,
        ));
    }
    let mut ends = TopicPartitionList::new();
    for partition in partitions {
        let (_, end) = client.fetch_watermarks(topic, partition.id(), PATIENCE)?;
        ends.add_partition_offset(topic, partition.id(), Offset::Offset(end))?;
    }
    Ok(ends)
}
