//! The table of records that wait for an operator.

use ids::Tenant;
use kafka::{CloudEvent, Record};
use pg::{SystemTx, Tx};
use sqlx::PgConnection;
use time::OffsetDateTime;

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
