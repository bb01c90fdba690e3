//! obix's persistent outbox as a relay to Kafka: its listener, its order, a position kept in a row; what is ready is
//! handed to an idempotent producer together and awaited together.
//!
//! Arguments: database URL, brokers.

use std::sync::Arc;

use anyhow::{Context, Result};
use futures::StreamExt;
use futures::future::try_join_all;
use obix::{EventSequence, MailboxConfig, out::Outbox};
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

#[derive(Debug, Serialize, Deserialize)]
struct Event {
    id: String,
    topic: String,
    key: String,
    r#type: String,
    subject: String,
    tenant: String,
    dataschema: String,
    traceparent: String,
    payload: String,
}

const TOGETHER: usize = 1000;

#[tokio::main]
async fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let url = args.next().context("database URL")?;
    let brokers = args.next().context("brokers")?;
    let pool = PgPool::connect(&url).await?;
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", &brokers)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("linger.ms", "5")
        .set("compression.type", "zstd")
        .set("partitioner", "murmur2_random")
        .create()?;
    let config = MailboxConfig::builder()
        .event_buffer_size(4 * TOGETHER)
        .event_cache_size(16 * TOGETHER)
        .backfill_page_size(2 * TOGETHER)
        .build();
    let outbox: Outbox<Event> = Outbox::init(&pool, config).await.map_err(|error| anyhow::anyhow!("{error:?}"))?;
    let position: i64 = sqlx::query_scalar("select sequence from relay_position").fetch_one(&pool).await?;
    let start = EventSequence::from(u64::try_from(position)?);
    let mut ready = outbox.listen_persisted(start).ready_chunks(TOGETHER);
    while let Some(events) = ready.next().await {
        let mut last = position;
        let mut sent = Vec::with_capacity(events.len());
        for event in events {
            let event = event.map_err(|error| anyhow::anyhow!("{error:?}"))?;
            let event: &Arc<_> = event.inner();
            last = i64::try_from(u64::from(event.sequence))?;
            let Some(content) = &event.payload else { continue };
            let headers = [
                ("ce_id", &content.id),
                ("ce_type", &content.r#type),
                ("ce_subject", &content.subject),
                ("ce_tenant", &content.tenant),
                ("ce_dataschema", &content.dataschema),
                ("ce_traceparent", &content.traceparent),
            ]
            .into_iter()
            .fold(OwnedHeaders::new(), |headers, (key, value)| headers.insert(Header { key, value: Some(value) }));
            let record = FutureRecord::to(&content.topic).key(&content.key).payload(&content.payload).headers(headers);
            let delivery = match producer.send_result(record) {
                Ok(delivery) => delivery,
                // Its queue is full: the next place in it is worth waiting for.
                Err((_, record)) => {
                    producer.send(record, Timeout::Never).await.map_err(|(error, _)| error)?;
                    continue;
                }
            };
            sent.push(async { delivery.await?.map_err(|(error, _)| anyhow::Error::from(error)) });
        }
        try_join_all(sent).await?;
        sqlx::query("update relay_position set sequence = $1").bind(last).execute(&pool).await?;
    }
    Ok(())
}
