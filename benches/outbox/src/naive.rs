//! The relay people write when they need one by tomorrow: a transaction takes a hundred rows that nobody else has, sends
//! them, waits for all of them, deletes them.

use std::time::Duration;

use anyhow::{Error, Result};
use futures::future::try_join_all;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use sqlx::{Connection as _, PgConnection, Row as _};

const BATCH: i64 = 100;
const PAUSE: Duration = Duration::from_millis(100);

#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(long)]
    url: String,
    #[arg(long)]
    brokers: String,
}

pub(crate) async fn run(args: Args) -> Result<()> {
    let mut connection = PgConnection::connect(&args.url).await?;
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", &args.brokers)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("linger.ms", "5")
        .set("compression.type", "zstd")
        .create()?;
    loop {
        if batch(&mut connection, &producer).await? == 0 {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn batch(connection: &mut PgConnection, producer: &FutureProducer) -> Result<usize> {
    sqlx::query("begin").execute(&mut *connection).await?;
    let rows = sqlx::query(
        "select seq, id::text, tenant, destination, key, type, subject, dataschema, coalesce(traceparent, '') as traceparent, payload
           from outbox where lane = 'topic' order by seq limit $1 for update skip locked",
    )
    .bind(BATCH)
    .fetch_all(&mut *connection)
    .await?;
    let sends = rows.iter().map(|row| async move {
        let text = |column: &str| row.get::<&str, _>(column);
        let names = ["id", "type", "subject", "tenant", "dataschema", "traceparent"];
        let headers = names.iter().fold(OwnedHeaders::new(), |headers, name| {
            headers.insert(Header { key: &format!("ce_{name}"), value: Some(text(name)) })
        });
        let record = FutureRecord::to(text("destination"))
            .key(text("key"))
            .payload(row.get::<&[u8], _>("payload"))
            .headers(headers);
        producer.send(record, Timeout::Never).await.map_err(|(error, _)| Error::from(error))
    });
    try_join_all(sends).await?;
    let seqs: Vec<i64> = rows.iter().map(|row| row.get("seq")).collect();
    sqlx::query("delete from outbox where lane = 'topic' and seq = any ($1)")
        .bind(&seqs)
        .execute(&mut *connection)
        .await?;
    sqlx::query("commit").execute(&mut *connection).await?;
    Ok(rows.len())
}
