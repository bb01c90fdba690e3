//! The table of records that wait for an operator.

use std::sync::Arc;

use ids::Tenant;
use kafka::{CloudEvent, Record};
use pg::{SystemTx, Tx};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::dead_letters::{DeadLetter, Selection, Whose};

/// Why a record is parked.
pub(crate) struct Parking {
    pub(crate) reason: &'static str,
    pub(crate) detail: Option<String>,
    pub(crate) attempts: u32,
}

/// The tenant of a record that does not say whose it is.
const NOBODY: &str = "-";

/// Whether an event of this key is parked, and stays so until the transaction ends.
#[tracing::instrument(name = "db.parked.lock", skip_all)]
pub(crate) async fn holds_key(tx: &mut Tx, group: &str, key: &[u8]) -> Result<bool, pg::Error> {
    let tenant = tx.tenant().clone();
    // A redrive deletes the rows of a key under their locks: this waits for it, then finds what it left.
    let first = sqlx::query_scalar!(
        "select id from parked
          where consumer_group = $1 and tenant = $2 and key = $3
          order by id
          limit 1
            for share",
        group,
        tenant.as_str(),
        key,
    );
    Ok(first.fetch_optional(&mut **tx).await?.is_some())
}

/// Parks a record of the transaction's tenant, once.
pub(crate) async fn park(
    tx: &mut Tx,
    group: &str,
    record: &Record,
    event: Option<&CloudEvent>,
    parking: Parking,
    now: OffsetDateTime,
) -> Result<(), pg::Error> {
    let tenant: Tenant = tx.tenant().clone();
    insert(tx, group, tenant.as_str(), record, event, parking, now).await
}

/// Parks a record that does not say whose it is, once.
pub(crate) async fn park_without_tenant(
    tx: &mut SystemTx,
    group: &str,
    record: &Record,
    parking: Parking,
    now: OffsetDateTime,
) -> Result<(), pg::Error> {
    insert(tx, group, NOBODY, record, None, parking, now).await
}

#[tracing::instrument(name = "db.parked.insert", skip_all)]
async fn insert(
    connection: &mut PgConnection,
    group: &str,
    tenant: &str,
    record: &Record,
    event: Option<&CloudEvent>,
    parking: Parking,
    now: OffsetDateTime,
) -> Result<(), pg::Error> {
    let names: Vec<String> = record.headers.iter().map(|(name, _)| name.clone()).collect();
    let values: Vec<Option<Vec<u8>>> = record.headers.iter().map(|(_, value)| value.clone()).collect();
    // A header is bytes; PostgreSQL's text is not any text.
    let type_ = record.header("ce_type").filter(|type_| !type_.contains('\0'));
    sqlx::query!(
        r#"insert into parked (consumer_group, tenant, topic, "partition", "offset", event_id, type, key, header_names,
                               header_values, payload, reason, detail, attempts, parked_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
           on conflict (consumer_group, topic, "partition", "offset") do nothing"#,
        group,
        tenant,
        record.topic,
        record.partition,
        record.offset,
        event.map(|event| event.id.as_uuid()),
        type_,
        record.key,
        &names,
        &values as &[Option<Vec<u8>>],
        record.payload,
        parking.reason,
        parking.detail,
        i32::try_from(parking.attempts).unwrap_or(i32::MAX),
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The tenant as the table spells it.
pub(crate) fn tenant(whose: &Whose) -> &str {
    match whose {
        Whose::Tenant(tenant) => tenant.as_str(),
        Whose::Nobody => NOBODY,
    }
}

/// Records above a number, in the order of parking.
#[tracing::instrument(name = "db.parked.list", skip_all)]
pub(crate) async fn list(
    connection: &mut PgConnection,
    group: &Arc<str>,
    tenant: &str,
    key: Option<Vec<u8>>,
    after: i64,
    limit: i64,
) -> Result<Vec<DeadLetter>, pg::Error> {
    let rows = sqlx::query!(
        r#"select id, topic, "partition", "offset", event_id, type, key, reason, detail, attempts, parked_at,
                  coalesce(octet_length(payload), 0) as "payload_bytes!"
             from parked
            where consumer_group = $1 and tenant = $2 and id > $3 and ($4::bytea is null or key = $4)
            order by id
            limit $5"#,
        &**group,
        tenant,
        after,
        key,
        limit,
    );
    let rows = rows.fetch_all(connection).await?.into_iter();
    let letters = rows.map(|row| DeadLetter {
        id: row.id,
        group: Arc::clone(group),
        tenant: tenant.parse().ok().filter(|_| tenant != NOBODY),
        topic: row.topic,
        partition: row.partition,
        offset: row.offset,
        event_id: row.event_id.and_then(|id| id.try_into().ok()),
        type_: row.r#type,
        key: row.key,
        payload_bytes: row.payload_bytes,
        reason: row.reason,
        detail: row.detail,
        attempts: row.attempts,
        parked_at: row.parked_at,
    });
    Ok(letters.collect())
}

/// A record as it came.
#[tracing::instrument(name = "db.parked.find", skip_all)]
pub(crate) async fn find(
    connection: &mut PgConnection,
    group: &str,
    tenant: &str,
    id: i64,
) -> Result<Option<Record>, pg::Error> {
    let row = sqlx::query_as!(
        Row,
        r#"select id, event_id, topic, "partition", "offset", key, payload, header_names,
                  header_values as "header_values: Vec<Option<Vec<u8>>>"
             from parked
            where consumer_group = $1 and tenant = $2 and id = $3"#,
        group,
        tenant,
        id,
    );
    Ok(row.fetch_optional(connection).await?.map(|row| Parked::from(row).record))
}

/// A record that is redriven.
pub(crate) struct Parked {
    pub(crate) id: i64,
    /// Whether it is in the inbox: a record that was no event when it was parked is not.
    pub(crate) noted: bool,
    pub(crate) record: Record,
}

struct Row {
    id: i64,
    event_id: Option<Uuid>,
    topic: String,
    partition: i32,
    offset: i64,
    key: Option<Vec<u8>>,
    payload: Option<Vec<u8>>,
    header_names: Vec<String>,
    header_values: Vec<Option<Vec<u8>>>,
}

impl From<Row> for Parked {
    fn from(row: Row) -> Self {
        let record = Record {
            topic: row.topic,
            partition: row.partition,
            offset: row.offset,
            key: row.key,
            payload: row.payload,
            headers: row.header_names.into_iter().zip(row.header_values).collect(),
            headers_lost: false,
        };
        Self { id: row.id, noted: row.event_id.is_some(), record }
    }
}

/// The first record of a queue, kept from every other redrive and from later events of its key until the transaction
/// ends.
#[tracing::instrument(name = "db.parked.take", skip_all)]
pub(crate) async fn take_first(tx: &mut Tx, group: &str, queue: &Queue) -> Result<Option<Parked>, pg::Error> {
    let tenant = tx.tenant().clone();
    let row = sqlx::query_as!(
        Row,
        r#"select id, event_id, topic, "partition", "offset", key, payload, header_names,
                  header_values as "header_values: Vec<Option<Vec<u8>>>"
             from parked
            where consumer_group = $1 and tenant = $2 and (key = $3 or $3 is null and id = $4)
            order by id
            limit 1
              for update"#,
        group,
        tenant.as_str(),
        queue.key,
        queue.first,
    );
    Ok(row.fetch_optional(&mut **tx).await?.map(Parked::from))
}

/// The first record of a queue that is nobody's; the system role takes no lock that outlives the statement.
#[tracing::instrument(name = "db.parked.first", skip_all)]
pub(crate) async fn first_of_nobody(
    tx: &mut SystemTx,
    group: &str,
    queue: &Queue,
) -> Result<Option<Parked>, pg::Error> {
    let row = sqlx::query_as!(
        Row,
        r#"select id, event_id, topic, "partition", "offset", key, payload, header_names,
                  header_values as "header_values: Vec<Option<Vec<u8>>>"
             from parked
            where consumer_group = $1 and tenant = $2 and (key = $3 or $3 is null and id = $4)
            order by id
            limit 1"#,
        group,
        NOBODY,
        queue.key,
        queue.first,
    );
    Ok(row.fetch_optional(&mut **tx).await?.map(Parked::from))
}

/// Records that are applied one after the other: those of one key, or one without a key alone.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    pub(crate) key: Option<Vec<u8>>,
    /// The first of them when it was looked up.
    pub(crate) first: i64,
}

/// The queues of a selection: those first whose first record was tried least, so that repeated redrives come to each.
#[tracing::instrument(name = "db.parked.queues", skip_all)]
pub(crate) async fn queues(
    connection: &mut PgConnection,
    group: &str,
    tenant: &str,
    selection: &Selection,
    limit: i64,
) -> Result<Vec<Queue>, pg::Error> {
    let (ids, key) = match selection {
        Selection::Ids(ids) => (Some(ids.as_slice()), None),
        Selection::Key(key) => (None, Some(key.as_slice())),
        Selection::All => (None, None),
    };
    let rows = sqlx::query_as!(
        Queue,
        r#"select key, id as "first!"
             from (select distinct on (key, case when key is null then id end) key, id, attempts
                     from parked
                    where consumer_group = $1 and tenant = $2
                      and ($3::bigint[] is null or id = any ($3)
                           or key in (select key from parked
                                       where consumer_group = $1 and tenant = $2 and id = any ($3)))
                      and ($4::bytea is null or key = $4)
                    order by key, case when key is null then id end, id) first
            order by attempts, id
            limit $5"#,
        group,
        tenant,
        ids as Option<&[i64]>,
        key as Option<&[u8]>,
        limit,
    );
    Ok(rows.fetch_all(connection).await?)
}

/// How many records of these queues are there; of the whole tenant without them.
#[tracing::instrument(name = "db.parked.count", skip_all)]
pub(crate) async fn count(
    connection: &mut PgConnection,
    group: &str,
    tenant: &str,
    queues: Option<&[Queue]>,
) -> Result<i64, pg::Error> {
    let keys: Option<Vec<Vec<u8>>> =
        queues.map(|queues| queues.iter().filter_map(|queue| queue.key.clone()).collect());
    let alone: Option<Vec<i64>> = queues
        .map(|queues| queues.iter().filter(|queue| queue.key.is_none()).map(|queue| queue.first).collect());
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!"
             from parked
            where consumer_group = $1 and tenant = $2
              and ($3::bytea[] is null or key = any ($3) or key is null and id = any ($4))"#,
        group,
        tenant,
        keys as Option<Vec<Vec<u8>>>,
        alone as Option<Vec<i64>>,
    );
    Ok(count.fetch_one(connection).await?)
}

/// Removes a record; `false` where it was gone.
#[tracing::instrument(name = "db.parked.delete", skip_all)]
pub(crate) async fn remove(connection: &mut PgConnection, tenant: &str, id: i64) -> Result<bool, pg::Error> {
    let removed = sqlx::query!("delete from parked where tenant = $1 and id = $2", tenant, id);
    Ok(removed.execute(connection).await?.rows_affected() > 0)
}

/// Notes that a record was tried once more, and why it stays.
#[tracing::instrument(name = "db.parked.update", skip_all)]
pub(crate) async fn tried(
    connection: &mut PgConnection,
    tenant: &str,
    id: i64,
    reason: &str,
    detail: Option<&str>,
) -> Result<(), pg::Error> {
    let tried = sqlx::query!(
        "update parked set attempts = attempts + 1, reason = $3, detail = $4 where tenant = $1 and id = $2",
        tenant,
        id,
        reason,
        detail,
    );
    tried.execute(connection).await?;
    Ok(())
}

/// Notes the event as applied; `false` where it was noted before.
#[tracing::instrument(name = "db.inbox.note", skip_all)]
pub(crate) async fn note(
    tx: &mut Tx,
    group: &str,
    event: &CloudEvent,
    now: OffsetDateTime,
) -> Result<bool, pg::Error> {
    let noted = sqlx::query!(
        "insert into inbox (consumer_group, event_id, tenant, applied_at) values ($1, $2, $3, $4)
         on conflict do nothing",
        group,
        event.id.as_uuid(),
        event.tenant.as_str(),
        now,
    );
    Ok(noted.execute(&mut **tx).await?.rows_affected() > 0)
}
