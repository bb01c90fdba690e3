//! A database, topics and queues of one's own, and what a test asks of them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use clock::Clock;
use ids::{EventId, Tenant};
use kafka::rdkafka::consumer::{Consumer as _, StreamConsumer};
use kafka::rdkafka::metadata::MetadataPartition;
use kafka::rdkafka::{Offset, TopicPartitionList};
use kafka::{CloudEvent, Record};
use outbox::{Event, Relay};
use pg::Db;
use sqlx::PgConnection;
use testkit::{TestDb, TestKafka, TestSqs, eventually};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

pub(crate) const TOPIC: &str = "guildhall.document.v1";
pub(crate) const SCAN: &str = "guildhall-scan";
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Spans as in a service, for the whole process: a subscriber of one thread would not see what tasks of others meet
/// first.
static TELEMETRY: LazyLock<telemetry::Guard> = LazyLock::new(|| {
    let (subscriber, guard) = telemetry::subscriber("test", &telemetry::Settings::default(), std::io::sink);
    ::tracing::subscriber::set_global_default(subscriber).unwrap();
    guard
});

pub(crate) struct World {
    pub(crate) db: Db,
    pub(crate) database: TestDb,
    pub(crate) kafka: TestKafka,
    pub(crate) sqs: TestSqs,
    pub(crate) clock: Clock,
    pub(crate) tenant: Tenant,
}

impl World {
    pub(crate) async fn new() -> Self {
        LazyLock::force(&TELEMETRY);
        let migrators = [&outbox::MIGRATOR];
        let (database, kafka, sqs) = tokio::join!(
            Box::pin(testkit::database("outbox", &migrators)),
            Box::pin(testkit::kafka()),
            Box::pin(testkit::sqs())
        );
        let tenant = "riverton".parse().unwrap();
        Self { db: database.connect(), database, kafka, sqs, clock: Clock::system(), tenant }
    }

    /// Starts a relay; it ends with the returned value.
    pub(crate) fn relay(&self) -> Running {
        self.relay_with(self.kafka.settings.clone(), self.sqs.sqs.clone())
    }

    pub(crate) fn relay_with(&self, kafka: kafka::Settings, sqs: queue::Sqs) -> Running {
        let relay = Relay::new(self.db.clone(), kafka, sqs, self.clock.clone()).unwrap();
        let stop = CancellationToken::new();
        Running { task: tokio::spawn(relay.run(stop.clone())), stop: stop.drop_guard() }
    }

    /// Appends an event in a transaction of its own.
    pub(crate) async fn append(&self, key: &str, number: u32) -> EventId {
        let clock = self.clock.clone();
        let event = event(key, number);
        self.db
            .tenant(&self.tenant, move |tx| Box::pin(async move { outbox::append(tx, &clock, event).await }))
            .await
            .unwrap()
    }

    /// The superuser's connection.
    pub(crate) async fn admin(&self) -> PgConnection {
        self.database.admin().await
    }

    pub(crate) async fn rows(&self) -> i64 {
        sqlx::query_scalar("select count(*) from outbox").fetch_one(&mut self.admin().await).await.unwrap()
    }

    /// Waits until nothing waits to be published.
    pub(crate) async fn drained(&self) {
        let empty = || async {
            match self.rows().await {
                0 => Ok(()),
                rows => Err(rows),
            }
        };
        eventually(LONG, empty).await.expect("rows that are not published");
    }

    /// Every record of the topic so far: repeats included, in the order of their partitions.
    pub(crate) async fn published(&self) -> Vec<CloudEvent> {
        let records = self.records().await;
        records.iter().map(|record| CloudEvent::parse(record).unwrap()).collect()
    }

    /// How many records the topic has, without reading them.
    pub(crate) async fn published_count(&self) -> i64 {
        self.ends().await.1.values().sum()
    }

    /// A reader, and where each partition of the topic ends.
    async fn ends(&self) -> (Arc<StreamConsumer>, HashMap<i32, i64>) {
        let name = self.kafka.topic(TOPIC);
        let consumer = Arc::new(self.kafka.settings.consumer("reader").create::<StreamConsumer>().unwrap());
        let client = consumer.clone();
        let ends = tokio::task::spawn_blocking(move || {
            let metadata = client.fetch_metadata(Some(&name), LONG).unwrap();
            let partitions = metadata.topics()[0].partitions().iter().map(MetadataPartition::id);
            partitions.map(|id| (id, client.fetch_watermarks(&name, id, LONG).unwrap().1)).collect()
        });
        (consumer, ends.await.unwrap())
    }

    pub(crate) async fn records(&self) -> Vec<Record> {
        let topic = self.kafka.topic(TOPIC);
        let (consumer, ends) = self.ends().await;
        let mut assignment = TopicPartitionList::new();
        for id in ends.keys() {
            assignment.add_partition_offset(&topic, *id, Offset::Beginning).unwrap();
        }
        consumer.assign(&assignment).unwrap();
        let total: i64 = ends.values().sum();
        let mut records = Vec::new();
        while records.len() < usize::try_from(total).unwrap() {
            let message = tokio::time::timeout(LONG, consumer.recv()).await.expect("records").unwrap();
            records.push(Record::from_message(&message));
        }
        records.sort_by_key(|record| (record.partition, record.offset));
        records
    }
}

/// A relay that runs.
pub(crate) struct Running {
    stop: DropGuard,
    task: JoinHandle<()>,
}

impl Running {
    /// Shuts it down and waits for its end.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        self.task.await.unwrap();
    }

    /// Drops it wherever it is, as far as that is possible inside a process.
    pub(crate) async fn abort(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// An event whose subject is its number.
pub(crate) fn event(key: &str, number: u32) -> Event {
    Event {
        topic: TOPIC.to_owned(),
        type_: "guildhall.document.ready.v1".to_owned(),
        subject: number.to_string(),
        key: key.to_owned(),
        dataschema: "proto:guildhall.document.v1.DocumentReady".to_owned(),
        payload: number.to_be_bytes().to_vec(),
    }
}

/// First arrivals of each key, by their numbers.
pub(crate) fn by_key(events: &[CloudEvent]) -> HashMap<String, Vec<u32>> {
    let mut seen = std::collections::HashSet::new();
    let mut keys: HashMap<String, Vec<u32>> = HashMap::new();
    for event in events.iter().filter(|event| seen.insert(event.id)) {
        keys.entry(event.key.clone()).or_default().push(event.subject.parse().unwrap());
    }
    keys
}

/// A port where nobody listens yet.
pub(crate) async fn closed_port() -> SocketAddr {
    TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap()
}

/// Passes connections to `port` on to `server`, from now on.
pub(crate) async fn open(port: SocketAddr, server: String) -> DropGuard {
    let listener = TcpListener::bind(port).await.unwrap();
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(stopped.run_until_cancelled_owned(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let server = server.clone();
            tokio::spawn(async move {
                let mut server = TcpStream::connect(&server).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    }));
    stop.drop_guard()
}
