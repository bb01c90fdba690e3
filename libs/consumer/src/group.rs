//! A member of a consumer group: it polls all the time, whatever the handlers do, so that it is never evicted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use backoff::Backoff;
use clock::Clock;
use futures::FutureExt as _;
use kafka::rdkafka::TopicPartitionList;
use kafka::rdkafka::consumer::{CommitMode, Consumer as _, StreamConsumer};
use kafka::rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use kafka::rdkafka::message::BorrowedMessage;
use kafka::{Apart, Connection};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::apply::Mode;
use crate::assigned::Assigned;
use crate::context::Context;
use crate::metrics::Metrics;
use crate::partition::{Place, Progress, Shared};

/// How often offsets are committed while there is progress.
const COMMIT: Duration = Duration::from_millis(250);
/// Transactions of one member that run at the same time.
const PARALLEL: usize = 4;
/// Records that are taken from the client before anything else is looked at.
const BURST: usize = 256;
/// When what is queued in all partitions weighs more, nothing is taken from the client until some of it is applied.
/// Pausing instead would have the client throw away, and fetch again, what it has fetched ahead.
const FULL: usize = 16 * 1024 * 1024;
/// When nothing is applied for so long although the queues are full, the partitions that fill them are paused, so that
/// the client is polled again: a member that does not poll is evicted.
const HOLD: Duration = Duration::from_secs(1);
/// How long the end of a session waits for the records that are being applied, and then for the broker.
const FAREWELL: Duration = Duration::from_secs(10);

/// A group, and how to be a member of it.
pub(crate) struct Group {
    kafka: kafka::Settings,
    clock: Clock,
    connection: Connection,
    name: String,
    topics: Vec<String>,
    properties: Vec<(String, String)>,
}

impl Group {
    pub(crate) fn new(
        kafka: &kafka::Settings,
        clock: &Clock,
        name: &str,
        topics: &[&str],
    ) -> Result<Self, Error> {
        Ok(Self {
            connection: Connection::new(kafka, clock)?,
            name: name.to_owned(),
            topics: topics.iter().map(|topic| kafka.topic(topic)).collect(),
            properties: Vec::new(),
            kafka: kafka.clone(),
            clock: clock.clone(),
        })
    }

    pub(crate) fn client_property(&mut self, key: &str, value: &str) {
        self.properties.push((key.to_owned(), value.to_owned()));
    }

    /// Is a member until `shutdown`, again and again where the client dies, for example because another process came
    /// with its instance id.
    pub(crate) async fn run(self, mode: Mode, shutdown: CancellationToken) {
        let (progress, mut reports) = unbounded_channel();
        let shared = Arc::new(Shared {
            mode,
            clock: self.clock.clone(),
            metrics: Metrics::new(&self.name),
            permits: Semaphore::new(PARALLEL),
            progress,
            weight: AtomicUsize::new(0),
        });
        let mut backoff = Backoff::up_to(Duration::from_secs(5));
        while !shutdown.is_cancelled() {
            match self.session(&shared, &mut reports, &shutdown).await {
                Ok(()) => backoff.reset(),
                Err(error) => {
                    tracing::error!(group = self.name, %error, "kafka consumer failed, starting again");
                    shutdown.run_until_cancelled(sleep(backoff.fail())).await;
                }
            }
        }
    }

    async fn session(
        &self,
        shared: &Arc<Shared>,
        reports: &mut UnboundedReceiver<Progress>,
        shutdown: &CancellationToken,
    ) -> Result<(), KafkaError> {
        let topics = self.topics.iter().map(|topic| topic.as_str().into()).collect();
        let assigned = Arc::new(Assigned::new(topics));
        let context = Context {
            connection: self.connection.clone(),
            assigned: Arc::clone(&assigned),
            metrics: shared.metrics.clone(),
        };
        let mut config = self.kafka.consumer(&self.name);
        config.set("statistics.interval.ms", "5000");
        for (key, value) in &self.properties {
            config.set(key, value);
        }
        let consumer: Apart<StreamConsumer<Context>> = Apart::new(config.create_with_context(context)?);
        let topics: Vec<&str> = self.topics.iter().map(String::as_str).collect();
        consumer.subscribe(&topics)?;
        let result = receive(&consumer, shared, &assigned, reports, shutdown).await;
        self.leave(consumer, &assigned, reports).await;
        shared.metrics.forget_all();
        result
    }

    /// Ends what is being applied, commits what is done, and closes the client.
    async fn leave(
        &self,
        consumer: Apart<StreamConsumer<Context>>,
        assigned: &Assigned,
        reports: &mut UnboundedReceiver<Progress>,
    ) {
        let tasks = assigned.stop_all();
        let ended = async {
            for task in tasks {
                // A task that panicked has ended just the same.
                let _ = task.await;
            }
        };
        if tokio::time::timeout(FAREWELL, ended).await.is_err() {
            tracing::warn!(group = self.name, "records still being applied at the end of a session");
        }
        while let Ok(report) = reports.try_recv() {
            if let Progress::Done((topic, partition), offset) = report {
                // Refused where the partition is no longer ours.
                let _ = consumer.store_offset(&topic, partition, offset);
            }
        }
        // Committing and closing wait for the broker, which may be away.
        if !consumer.close(FAREWELL, |consumer| commit(consumer, CommitMode::Sync)).await {
            tracing::warn!(group = self.name, "kafka consumer still closing, not waiting for it");
        }
    }
}

async fn receive(
    consumer: &StreamConsumer<Context>,
    shared: &Arc<Shared>,
    assigned: &Assigned,
    reports: &mut UnboundedReceiver<Progress>,
    shutdown: &CancellationToken,
) -> Result<(), KafkaError> {
    let mut commits = interval(COMMIT);
    commits.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut held: Option<Instant> = None;
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            message = consumer.recv(), if held.is_none() => {
                take(message, shared, assigned)?;
                for _ in 1..BURST {
                    let Some(message) = consumer.recv().now_or_never() else { break };
                    take(message, shared, assigned)?;
                }
                if shared.weight.load(Ordering::SeqCst) >= FULL {
                    held = Some(Instant::now() + HOLD);
                }
            }
            () = until(held) => {
                for place in assigned.pause() {
                    pause(consumer, &place, true);
                }
                shared.metrics.paused(assigned.paused());
                held = None;
            }
            Some(report) = reports.recv() => match report {
                Progress::Done((topic, partition), offset) => {
                    // Refused where the partition is no longer ours.
                    if consumer.store_offset(&topic, partition, offset).is_ok() {
                        failpoint!("consumer::stored");
                        assigned.uncommitted.store(true, Ordering::SeqCst);
                    }
                    if shared.weight.load(Ordering::SeqCst) < FULL {
                        held = None;
                    }
                }
                Progress::Room(place) => if assigned.resume(&place) {
                    pause(consumer, &place, false);
                    shared.metrics.paused(assigned.paused());
                },
            },
            _ = commits.tick() => if assigned.uncommitted.swap(false, Ordering::SeqCst) {
                commit(consumer, CommitMode::Async);
            },
        }
    }
}

/// Queues what the client had.
fn take(
    message: KafkaResult<BorrowedMessage<'_>>,
    shared: &Arc<Shared>,
    assigned: &Assigned,
) -> Result<(), KafkaError> {
    match message {
        Ok(message) => {
            failpoint!("consumer::received");
            assigned.push(&message, shared);
        }
        Err(error @ KafkaError::MessageConsumptionFatal(_)) => return Err(error),
        // The client goes on by itself, and its context has logged why it could not.
        Err(error) => tracing::debug!(%error, "kafka consumer reports"),
    }
    Ok(())
}

async fn until(held: Option<Instant>) {
    match held {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

fn pause(consumer: &StreamConsumer<Context>, (topic, partition): &Place, paused: bool) {
    let mut list = TopicPartitionList::new();
    list.add_partition(topic, *partition);
    let done = if paused { consumer.pause(&list) } else { consumer.resume(&list) };
    if let Err(error) = done {
        tracing::warn!(topic = &**topic, partition, paused, %error, "partition could not be paused or resumed");
    }
}

fn commit(consumer: &StreamConsumer<Context>, mode: CommitMode) {
    match consumer.commit_consumer_state(mode) {
        Ok(()) | Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => {}
        // What was not committed comes again and is dropped by its id.
        Err(error) => tracing::warn!(%error, "offsets not committed"),
    }
}
