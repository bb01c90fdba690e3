//! A database and topics of one's own, a handler that writes what it is told, and a producer that can send anything.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use clock::Clock;
use consumer::{CloudEvent, Failure, Inbox};
use ids::EventId;
use kafka::rdkafka::consumer::{BaseConsumer, Consumer as _};
use kafka::rdkafka::message::{Header, OwnedHeaders};
use kafka::rdkafka::producer::{FutureProducer, FutureRecord};
use kafka::rdkafka::{Offset, TopicPartitionList};
use kafka::{Connection, Tracing};
use pg::{BoxFuture, Db, Tx};
use sqlx::PgConnection;
use testkit::{TestDb, TestKafka, eventually};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

pub(crate) const TOPIC: &str = "guildhall.document.v1";
pub(crate) const GROUP: &str = "notification";
pub(crate) const READY: &str = "guildhall.document.ready.v1";
pub(crate) const LONG: Duration = Duration::from_secs(40);

/// Spans and metrics as in a service, for the whole process: a subscriber of one thread would not see what tasks of others meet
/// first.
static TELEMETRY: LazyLock<telemetry::Guard> = LazyLock::new(|| {
    telemetry::init("test", &telemetry::Settings { log: "off".to_owned(), ..telemetry::Settings::default() })
});

pub(crate) struct World {
    pub(crate) db: Db,
    pub(crate) database: TestDb,
    pub(crate) kafka: TestKafka,
    pub(crate) clock: Clock,
    pub(crate) script: Script,
    producer: FutureProducer<Connection>,
}

impl World {
    pub(crate) async fn new() -> Self {
        LazyLock::force(&TELEMETRY);
        let migrators = [&consumer::MIGRATOR];
        let (database, kafka) =
            tokio::join!(Box::pin(testkit::database("consumer", &migrators)), Box::pin(testkit::kafka()));
        let schema = "create table effects (
                          seq bigint generated always as identity primary key,
                          tenant text not null, event_id uuid not null, key text not null, number integer not null
                      );
                      grant select, insert on effects to guildhall_app";
        sqlx::raw_sql(schema).execute(&mut database.admin().await).await.unwrap();
        let clock = Clock::system();
        let connection = Connection::new(&kafka.settings, &clock).unwrap();
        let producer = kafka.settings.producer().create_with_context(connection).unwrap();
        Self { db: database.connect(), database, kafka, clock, script: Script::default(), producer }
    }

    /// A consumer whose handler writes one row of `effects` per event, unless the script has it fail.
    pub(crate) fn inbox(&self) -> Inbox {
        let script = self.script.clone();
        consumer::inbox(&self.db, &self.kafka.settings, &self.clock, GROUP, &[TOPIC])
            .unwrap()
            .on(READY, move |tx, event| script.clone().play(tx, event))
    }

    pub(crate) fn start(&self) -> Running {
        self.start_with(self.inbox())
    }

    pub(crate) fn start_with(&self, inbox: Inbox) -> Running {
        let stop = CancellationToken::new();
        Running { task: tokio::spawn(inbox.run(stop.clone())), stop: stop.drop_guard() }
    }

    /// An event that is not sent yet.
    pub(crate) fn event(&self, key: &str, number: u32) -> CloudEvent {
        CloudEvent {
            id: EventId::mint(&self.clock),
            type_: READY.to_owned(),
            source: "/guildhall/document".to_owned(),
            subject: number.to_string(),
            time: self.clock.now(),
            tenant: "riverton".parse().unwrap(),
            dataschema: "proto:guildhall.document.v1.DocumentReady".to_owned(),
            traceparent: None,
            key: key.to_owned(),
            payload: number.to_be_bytes().to_vec(),
        }
    }

    pub(crate) async fn send(&self, event: &CloudEvent) {
        self.send_to(event, None).await;
    }

    /// Sends to a given partition, where a test needs to know which keys wait for each other.
    pub(crate) async fn send_to(&self, event: &CloudEvent, partition: Option<i32>) {
        let headers = event.headers(Tracing::AsIs);
        self.raw(partition, Some(event.key.as_bytes()), Some(&event.payload), headers).await;
    }

    /// Sends any record.
    pub(crate) async fn raw(
        &self,
        partition: Option<i32>,
        key: Option<&[u8]>,
        payload: Option<&[u8]>,
        headers: OwnedHeaders,
    ) {
        let topic = self.kafka.topic(TOPIC);
        let record =
            FutureRecord { topic: &topic, partition, payload, key, timestamp: None, headers: Some(headers) };
        self.producer.send(record, LONG).await.unwrap();
    }

    /// The superuser's connection.
    pub(crate) async fn admin(&self) -> PgConnection {
        self.database.admin().await
    }

    pub(crate) async fn count(&self, table: &str) -> i64 {
        let count = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
        sqlx::query_scalar(count).fetch_one(&mut self.admin().await).await.unwrap()
    }

    /// Waits until a table has this many rows.
    pub(crate) async fn wait_for(&self, table: &str, rows: i64) {
        let there = || async {
            match self.count(table).await {
                found if found == rows => Ok(()),
                found => Err(found),
            }
        };
        if let Err(found) = eventually(LONG, there).await {
            panic!("{found} instead of {rows} rows in {table}");
        }
    }

    /// The numbers that were applied, by key, in the order of their commits.
    pub(crate) async fn effects(&self) -> HashMap<String, Vec<u32>> {
        let rows: Vec<(String, i32)> = sqlx::query_as("select key, number from effects order by seq")
            .fetch_all(&mut self.admin().await)
            .await
            .unwrap();
        let mut keys: HashMap<String, Vec<u32>> = HashMap::new();
        for (key, number) in rows {
            keys.entry(key).or_default().push(u32::try_from(number).unwrap());
        }
        keys
    }

    /// Parked records: tenant, key, reason and number of attempts, in their order.
    pub(crate) async fn parked(&self) -> Vec<(String, String, String, i32)> {
        let parked =
            "select tenant, coalesce(encode(key, 'escape'), '?'), reason, attempts from parked order by id";
        sqlx::query_as(parked).fetch_all(&mut self.admin().await).await.unwrap()
    }

    /// The group's offsets that are not those of the topic's ends: partition, committed, end.
    pub(crate) async fn behind(&self, group: &str) -> Vec<(i32, Offset, i64)> {
        let client: BaseConsumer = self.kafka.settings.consumer(group).create().unwrap();
        let topic = self.kafka.topic(TOPIC);
        tokio::task::spawn_blocking(move || {
            let mut list = TopicPartitionList::new();
            let metadata = client.fetch_metadata(Some(&topic), LONG).unwrap();
            for partition in metadata.topics()[0].partitions() {
                list.add_partition(&topic, partition.id());
            }
            let committed = client.committed_offsets(list, LONG).unwrap();
            let mut behind = Vec::new();
            for element in committed.elements() {
                let (_, end) = client.fetch_watermarks(&topic, element.partition(), LONG).unwrap();
                if end > 0 && element.offset() != Offset::Offset(end) {
                    behind.push((element.partition(), element.offset(), end));
                }
            }
            behind
        })
        .await
        .unwrap()
    }

    /// Sets the group back to the beginning, as if nothing had been committed.
    pub(crate) async fn rewind(&self, group: &str) {
        let client: BaseConsumer = self.kafka.settings.consumer(group).create().unwrap();
        let topic = self.kafka.topic(TOPIC);
        tokio::task::spawn_blocking(move || {
            let mut list = TopicPartitionList::new();
            let metadata = client.fetch_metadata(Some(&topic), LONG).unwrap();
            for partition in metadata.topics()[0].partitions() {
                list.add_partition_offset(&topic, partition.id(), Offset::Offset(0)).unwrap();
            }
            client.commit(&list, kafka::rdkafka::consumer::CommitMode::Sync).unwrap();
        })
        .await
        .unwrap();
    }
}

/// A consumer that runs.
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
}

/// What the handler does instead of applying, by the number of the event.
#[derive(Clone, Default)]
pub(crate) struct Script(Arc<Mutex<Lines>>);

#[derive(Default)]
struct Lines {
    away: HashSet<u32>,
    poison: HashSet<u32>,
    panics: HashSet<u32>,
    tries: HashMap<u32, u32>,
}

impl Script {
    pub(crate) fn away(&self, number: u32) {
        self.0.lock().unwrap().away.insert(number);
    }

    pub(crate) fn back(&self, number: u32) {
        self.0.lock().unwrap().away.remove(&number);
    }

    pub(crate) fn poison(&self, number: u32) {
        self.0.lock().unwrap().poison.insert(number);
    }

    pub(crate) fn cure(&self, number: u32) {
        self.0.lock().unwrap().poison.remove(&number);
    }

    pub(crate) fn panic(&self, number: u32) {
        self.0.lock().unwrap().panics.insert(number);
    }

    pub(crate) fn tries(&self, number: u32) -> u32 {
        self.0.lock().unwrap().tries.get(&number).copied().unwrap_or(0)
    }

    /// Waits until an event was tried this often.
    pub(crate) async fn tried(&self, number: u32, times: u32) {
        let often = || async {
            match self.tries(number) {
                tries if tries >= times => Ok(()),
                tries => Err(tries),
            }
        };
        eventually(LONG, often).await.expect("tries");
    }

    pub(crate) fn verdict(&self, number: u32) -> Result<(), Failure> {
        let mut lines = self.0.lock().unwrap();
        *lines.tries.entry(number).or_default() += 1;
        let (away, poison, panics) =
            (lines.away.contains(&number), lines.poison.contains(&number), lines.panics.contains(&number));
        drop(lines);
        assert!(!panics, "told to panic");
        if away {
            Err(Failure::retry("away"))
        } else if poison {
            Err(Failure::poison("TOLD_TO", "poison"))
        } else {
            Ok(())
        }
    }

    /// The handler: writes first, so that a failure has something to undo.
    fn play<'c>(self, tx: &'c mut Tx, event: &'c CloudEvent) -> BoxFuture<'c, Result<(), Failure>> {
        Box::pin(async move {
            let number: u32 = event.subject.parse().unwrap();
            let tenant = tx.tenant().to_string();
            sqlx::query("insert into effects (tenant, event_id, key, number) values ($1, $2, $3, $4)")
                .bind(tenant)
                .bind(event.id)
                .bind(&event.key)
                .bind(i32::try_from(number).unwrap())
                .execute(&mut **tx)
                .await?;
            self.verdict(number)
        })
    }
}

/// Headers of an event with some of them changed or, with `None`, left out.
pub(crate) fn headers_but(event: &CloudEvent, changes: &[(&str, Option<&[u8]>)]) -> OwnedHeaders {
    let record = kafka::Record {
        headers: headers_of(event)
            .into_iter()
            .filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name))
            .collect(),
        ..kafka::Record::default()
    };
    changes
        .iter()
        .filter_map(|(name, value)| Some((name, (*value)?)))
        .fold(record.owned_headers(), |headers, (key, value)| {
            headers.insert(Header { key, value: Some(value) })
        })
}

fn headers_of(event: &CloudEvent) -> Vec<(String, Option<Vec<u8>>)> {
    use kafka::rdkafka::message::Headers as _;
    let headers = event.headers(Tracing::AsIs);
    headers.iter().map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
}
