//! A member of a consumer group: it polls all the time, whatever the handlers do, so that it is never evicted.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clock::Clock;
use kafka::rdkafka::ClientContext;
use kafka::rdkafka::TopicPartitionList;
use kafka::rdkafka::client::OAuthToken;
use kafka::rdkafka::config::RDKafkaLogLevel;
use kafka::rdkafka::consumer::{
    BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance, StreamConsumer,
};
use kafka::rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use kafka::{Connection, Record};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::apply::Mode;
use crate::backoff::Backoff;
use crate::metrics::Metrics;
use crate::partition::{Partition, Place, Progress, Shared};

/// How often offsets are committed while there is progress.
const COMMIT: Duration = Duration::from_millis(250);
/// Records of one member that are applied at the same time.
const PARALLEL: usize = 4;
/// How long the end of a session waits for the records that are being applied, and then for the broker.
const FAREWELL: Duration = Duration::from_secs(10);

/// A group, and how to be a member of it.
pub(crate) struct Group {
    kafka: kafka::Settings,
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
        })
    }

    pub(crate) fn client_property(&mut self, key: &str, value: &str) {
        self.properties.push((key.to_owned(), value.to_owned()));
    }

    /// Is a member until `shutdown`, again and again where the client dies, for example because another process came
    /// with its instance id.
    pub(crate) async fn run(self, mode: Mode, shutdown: CancellationToken) {
        let (progress, mut reports) = unbounded_channel();
        let metrics = Metrics::new(&self.name);
        let shared = Arc::new(Shared { mode, metrics, permits: Semaphore::new(PARALLEL), progress });
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
        let assigned = Arc::new(Assigned::default());
        let context = Context { connection: self.connection.clone(), assigned: Arc::clone(&assigned) };
        let mut config = self.kafka.consumer(&self.name);
        for (key, value) in &self.properties {
            config.set(key, value);
        }
        let consumer: StreamConsumer<Context> = config.create_with_context(context)?;
        let topics: Vec<&str> = self.topics.iter().map(String::as_str).collect();
        consumer.subscribe(&topics)?;
        let result = receive(&consumer, shared, &assigned, reports, shutdown).await;
        self.leave(consumer, &assigned, reports).await;
        result
    }

    /// Ends what is being applied, commits what is done, and closes the client.
    async fn leave(
        &self,
        consumer: StreamConsumer<Context>,
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
        let closed = tokio::task::spawn_blocking(move || commit(&consumer, CommitMode::Sync));
        match tokio::time::timeout(FAREWELL, closed).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(group = self.name, %error, "kafka consumer did not close cleanly");
            }
            Err(_) => tracing::warn!(group = self.name, "kafka consumer still closing, not waiting for it"),
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
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            message = consumer.recv() => match message {
                Ok(message) => {
                    failpoint!("consumer::received");
                    if let Some(place) = assigned.push(Record::from_message(&message), shared) {
                        pause(consumer, &place, true);
                    }
                }
                Err(error @ KafkaError::MessageConsumptionFatal(_)) => return Err(error),
                // The client goes on by itself, and its context has logged why it could not.
                Err(error) => tracing::debug!(%error, "kafka consumer reports"),
            },
            Some(report) = reports.recv() => match report {
                Progress::Done((topic, partition), offset) => {
                    // Refused where the partition is no longer ours.
                    if consumer.store_offset(&topic, partition, offset).is_ok() {
                        failpoint!("consumer::stored");
                        assigned.uncommitted.store(true, Ordering::SeqCst);
                    }
                }
                Progress::Room(place) => if assigned.resume(&place) {
                    pause(consumer, &place, false);
                },
            },
            _ = commits.tick() => if assigned.uncommitted.swap(false, Ordering::SeqCst) {
                commit(consumer, CommitMode::Async);
            },
        }
    }
}

fn pause(consumer: &StreamConsumer<Context>, (topic, partition): &Place, paused: bool) {
    let mut list = TopicPartitionList::new();
    list.add_partition(topic, *partition);
    let done = if paused { consumer.pause(&list) } else { consumer.resume(&list) };
    if let Err(error) = done {
        tracing::warn!(topic, partition, paused, %error, "partition could not be paused or resumed");
    }
}

fn commit(consumer: &StreamConsumer<Context>, mode: CommitMode) {
    match consumer.commit_consumer_state(mode) {
        Ok(()) | Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => {}
        // What was not committed comes again and is dropped by its id.
        Err(error) => tracing::warn!(%error, "offsets not committed"),
    }
}

/// What the session and the client's callbacks share.
#[derive(Default)]
struct Assigned {
    partitions: Mutex<Partitions>,
    /// An offset was stored since the last commit.
    uncommitted: AtomicBool,
}

#[derive(Default)]
struct Partitions {
    running: HashMap<Place, Partition>,
    /// Tasks of partitions that were taken away, until they are assigned again.
    ending: HashMap<Place, JoinHandle<()>>,
    paused: HashSet<Place>,
}

impl Assigned {
    /// No code that holds the lock can panic half way through a change.
    fn lock(&self) -> MutexGuard<'_, Partitions> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a record with its partition's task; returns the partition if it is now to be paused.
    fn push(&self, record: Record, shared: &Arc<Shared>) -> Option<Place> {
        let mut partitions = self.lock();
        let place = (record.topic.clone(), record.partition);
        let Partitions { running, ending, paused } = &mut *partitions;
        let partition = running
            .entry(place.clone())
            .or_insert_with(|| Partition::start(place.clone(), Arc::clone(shared), ending.remove(&place)));
        let full = partition.push(record);
        (full && paused.insert(place.clone())).then_some(place)
    }

    fn resume(&self, place: &Place) -> bool {
        self.lock().paused.remove(place)
    }

    fn stop(&self, places: impl Iterator<Item = Place>) {
        let mut partitions = self.lock();
        partitions.ending.retain(|_, task| !task.is_finished());
        for place in places {
            partitions.paused.remove(&place);
            if let Some(partition) = partitions.running.remove(&place) {
                partitions.ending.insert(place, partition.stop());
            }
        }
    }

    fn stop_all(&self) -> Vec<JoinHandle<()>> {
        let mut partitions = self.lock();
        let running: Vec<_> = partitions.running.drain().map(|(_, partition)| partition.stop()).collect();
        running.into_iter().chain(partitions.ending.drain().map(|(_, task)| task)).collect()
    }
}

struct Context {
    connection: Connection,
    assigned: Arc<Assigned>,
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

impl ConsumerContext for Context {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(revoked) = rebalance {
            tracing::info!(partitions = revoked.count(), "kafka partitions taken away");
            self.assigned.stop(places(revoked));
            failpoint!("consumer::revoked");
            // An assignment that was lost belongs to others by now; what is not committed comes again and is dropped
            // by its id.
            if !consumer.assignment_lost() {
                match consumer.commit_consumer_state(CommitMode::Sync) {
                    Ok(()) => failpoint!("consumer::offsets_committed"),
                    Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => {}
                    Err(error) => tracing::warn!(%error, "offsets not committed before a rebalance"),
                }
            }
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(assigned) = rebalance {
            tracing::info!(partitions = assigned.count(), "kafka partitions assigned");
            // The client remembers that it was told to pause one when it had it before.
            if let Err(error) = consumer.resume(assigned) {
                tracing::debug!(%error, "partitions could not be resumed");
            }
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        match result {
            Ok(()) => failpoint!("consumer::offsets_committed"),
            Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => {}
            Err(error) => {
                self.assigned.uncommitted.store(true, Ordering::SeqCst);
                tracing::warn!(%error, "offsets not committed, trying again");
            }
        }
    }
}

fn places(list: &TopicPartitionList) -> impl Iterator<Item = Place> {
    let places: Vec<_> =
        list.elements().iter().map(|element| (element.topic().to_owned(), element.partition())).collect();
    places.into_iter()
}
