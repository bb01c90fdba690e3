//! Records that a consumer without a database has buried in `<topic>.worker.dlq`.
//!
//! A topic is a log: what was redriven stays in it. A consumer group of this command remembers how far everything was
//! redriven, and records before that are not shown again.

use std::io::Write;
use std::time::Duration;

use clock::Clock;
use futures::future::try_join_all;
use kafka::rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use kafka::rdkafka::error::KafkaError;
use kafka::rdkafka::message::{Header, OwnedHeaders};
use kafka::rdkafka::metadata::MetadataTopic;
use kafka::rdkafka::producer::{FutureProducer, FutureRecord};
use kafka::rdkafka::{Offset, TopicPartitionList};
use kafka::{Connection, Record, Settings};
use serde_json::json;

use super::{Command, Error, List, Redrive, Show, print};

/// Remembers how far everything was redriven.
const GROUP: &str = "worker-dlq";
const PATIENCE: Duration = Duration::from_secs(20);
/// Records that are on their way to the brokers at the same time.
const BATCH: usize = 500;
/// What was added when the record was buried.
const ADDED: &str = "dlq-";

/// A topic of dead letters.
#[derive(Debug)]
pub struct DeadTopic {
    kafka: Settings,
    clock: Clock,
    topic: String,
}

/// What is in the topic and not redriven, with how far each partition was read.
struct Found {
    consumer: BaseConsumer<Connection>,
    records: Vec<Record>,
    ends: TopicPartitionList,
}

impl DeadTopic {
    /// The dead letters of `topic`, named without prefix.
    #[must_use]
    pub fn new(kafka: Settings, clock: Clock, topic: &str) -> Self {
        Self { kafka, clock, topic: topic.to_owned() }
    }

    pub(super) async fn run(self, command: Command, out: &mut impl Write) -> Result<(), Error> {
        match command {
            Command::List(List { place, key }) => {
                let mut found = self.found().await?;
                found.records.retain(|record| key.as_ref().is_none_or(|key| is_of(record, key)));
                list(&found.records, place.json, out)?;
                if !place.json {
                    writeln!(out, "{} in {}", found.records.len(), kafka::dead_letter_topic(&self.topic))?;
                }
                Ok(())
            }
            Command::Show(Show { place, job: None, id: Some(id) }) => {
                let records = self.found().await?.records;
                let record = records.iter().find(|record| id_of(record) == id);
                show(record.ok_or(Error::Usage("there is no such dead letter"))?, place.json, out)
            }
            Command::Redrive(Redrive { job: None, id, key, all, .. }) => {
                self.redrive(&id, key.as_deref(), all, out).await
            }
            Command::Show(_) | Command::Redrive(_) => Err(Error::Usage("use --id; a job's id is for queues")),
            Command::Discard(_) => {
                Err(Error::Usage("records of a topic need no discard: they end with its retention"))
            }
        }
    }

    /// Publishes records again, as they were before they were buried, each partition's in its order.
    async fn redrive(
        &self,
        ids: &[String],
        key: Option<&str>,
        all: bool,
        out: &mut impl Write,
    ) -> Result<(), Error> {
        if ids.is_empty() && key.is_none() && !all {
            return Err(Error::Usage("redrive needs --id, --key or --all"));
        }
        let Found { consumer, mut records, ends } = self.found().await?;
        records.retain(|record| {
            all || ids.contains(&id_of(record)) || key.is_some_and(|key| is_of(record, key))
        });
        let connection = Connection::new(&self.kafka, &self.clock)?;
        let producer: FutureProducer<_> = self.kafka.producer().create_with_context(connection)?;
        let topic = self.kafka.topic(&self.topic);
        for batch in records.chunks(BATCH) {
            // In their order: the producer takes them one after the other.
            let sent = batch.iter().map(|record| send(&producer, &topic, record));
            tokio::time::timeout(PATIENCE, try_join_all(sent)).await.map_err(|_| timed_out())??;
        }
        if all && !records.is_empty() {
            // Whoever dies before this publishes them once more; handlers without a database bear it.
            tokio::task::spawn_blocking(move || consumer.commit(&ends, CommitMode::Sync))
                .await
                .map_err(|_| timed_out())??;
        }
        writeln!(out, "{} published again to {}", records.len(), self.topic)?;
        Ok(())
    }

    /// Reads what is there now.
    async fn found(&self) -> Result<Found, Error> {
        let mut config = self.kafka.consumer(GROUP);
        config.remove("group.instance.id");
        let consumer = config.create_with_context(Connection::new(&self.kafka, &self.clock)?)?;
        let topic = self.kafka.topic(&kafka::dead_letter_topic(&self.topic));
        let found = tokio::task::spawn_blocking(move || read(consumer, &topic)).await;
        Ok(found.map_err(|_| timed_out())??)
    }
}

fn read(consumer: BaseConsumer<Connection>, topic: &str) -> Result<Found, KafkaError> {
    // Tokens of MSK are fetched by polling.
    let _ = consumer.poll(Duration::ZERO);
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE)?;
    let mut all = TopicPartitionList::new();
    for partition in metadata.topics().iter().flat_map(MetadataTopic::partitions) {
        all.add_partition(topic, partition.id());
    }
    let committed = consumer.committed_offsets(all, PATIENCE)?;
    let (mut starts, mut ends) = (TopicPartitionList::new(), TopicPartitionList::new());
    let mut missing = std::collections::HashMap::new();
    for element in committed.elements() {
        let (low, high) = consumer.fetch_watermarks(topic, element.partition(), PATIENCE)?;
        let start = match element.offset() {
            Offset::Offset(redriven) => redriven.max(low),
            _ => low,
        };
        ends.add_partition_offset(topic, element.partition(), Offset::Offset(high))?;
        if start < high {
            starts.add_partition_offset(topic, element.partition(), Offset::Offset(start))?;
            missing.insert(element.partition(), high - 1);
        }
    }
    consumer.assign(&starts)?;
    let mut records = Vec::new();
    while !missing.is_empty() {
        let message = consumer.poll(PATIENCE).ok_or_else(timed_out)??;
        let record = Record::from_message(&message);
        let Some(last) = missing.get(&record.partition).copied() else { continue };
        if record.offset >= last {
            missing.remove(&record.partition);
        }
        if record.offset <= last {
            records.push(record);
        }
    }
    records.sort_by_key(|record| (record.partition, record.offset));
    Ok(Found { consumer, records, ends })
}

async fn send(producer: &FutureProducer<Connection>, topic: &str, record: &Record) -> Result<(), KafkaError> {
    let headers = record.headers.iter().filter(|(name, _)| !name.starts_with(ADDED));
    let headers = headers.fold(OwnedHeaders::new(), |headers, (key, value)| {
        headers.insert(Header { key: key.as_str(), value: value.as_ref() })
    });
    let again = FutureRecord {
        topic,
        partition: None,
        payload: record.payload.as_ref(),
        key: record.key.as_ref(),
        timestamp: None,
        headers: Some(headers),
    };
    producer.send(again, PATIENCE).await.map(drop).map_err(|(error, _)| error)
}

fn timed_out() -> KafkaError {
    KafkaError::Global(kafka::rdkafka::types::RDKafkaErrorCode::OperationTimedOut)
}

fn id_of(record: &Record) -> String {
    format!("{}-{}", record.partition, record.offset)
}

fn is_of(record: &Record, key: &str) -> bool {
    record.key.as_deref() == Some(key.as_bytes())
}

fn header(record: &Record, name: &str) -> String {
    print::or_dash(record.header(name).unwrap_or_default())
}

fn key_of(record: &Record) -> String {
    print::or_dash(&String::from_utf8_lossy(record.key.as_deref().unwrap_or_default()))
}

fn list(records: &[Record], json: bool, out: &mut impl Write) -> Result<(), Error> {
    if json {
        for record in records {
            writeln!(out, "{}", as_json(record))?;
        }
        return Ok(());
    }
    let row = |record: &Record| {
        [
            id_of(record),
            header(record, "dlq-reason"),
            header(record, "dlq-attempts"),
            header(record, "ce_type"),
            key_of(record),
            header(record, "ce_tenant"),
            header(record, "dlq-group"),
        ]
    };
    let rows: Vec<_> = records.iter().map(row).collect();
    Ok(print::table(out, ["ID", "REASON", "TRIES", "TYPE", "KEY", "TENANT", "GROUP"], &rows)?)
}

fn show(record: &Record, json: bool, out: &mut impl Write) -> Result<(), Error> {
    if json {
        writeln!(out, "{}", as_json(record))?;
        return Ok(());
    }
    writeln!(out, "id             {}\nkey            {}", id_of(record), key_of(record))?;
    writeln!(out, "payload_bytes  {}\nheaders", record.payload.as_ref().map_or(0, Vec::len))?;
    for (name, value) in &record.headers {
        writeln!(out, "  {name}: {}", String::from_utf8_lossy(value.as_deref().unwrap_or_default()))?;
    }
    Ok(())
}

fn as_json(record: &Record) -> serde_json::Value {
    let headers = record.headers.iter();
    let headers: Vec<_> = headers
        .map(|(name, value)| {
            json!({"name": name, "value": value.as_deref().map(|value| String::from_utf8_lossy(value).into_owned())})
        })
        .collect();
    json!({
        "id": id_of(record),
        "key": record.key.as_deref().map(|key| String::from_utf8_lossy(key).into_owned()),
        "payload_bytes": record.payload.as_ref().map_or(0, Vec::len),
        "headers": headers,
    })
}
