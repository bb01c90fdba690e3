//! What operators see and do of rows that cannot be published.

use ids::Tenant;
use kafka::rdkafka::message::Headers as _;
use kafka::{CloudEvent, Tracing};
use pg::{Db, SystemTx};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::append::{QUEUE_WAKER, TOPIC_WAKER};
use crate::table::source;
use crate::{parking, topic_lane};

/// The parked rows of one database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct DeadLetters {
    db: Db,
}

/// Which rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// These, and what is parked with their keys.
    Ids(Vec<i64>),
    /// One key's.
    Key(String),
    /// All.
    All,
}

/// A parked row without its contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Number in the order of appending.
    pub id: i64,
    /// `topic` or `queue`.
    pub lane: String,
    /// Topic or queue, without the environment's prefix.
    pub destination: String,
    /// Id of the event or job.
    pub event_id: Uuid,
    /// Type of the event, kind of the job.
    pub type_: String,
    /// What it is about.
    pub subject: String,
    /// Key of the event, id of the job.
    pub key: String,
    /// When it was appended.
    pub time: OffsetDateTime,
    /// URI of the message that the payload is; `json:job` for a job.
    pub dataschema: String,
    /// Size of the payload in bytes.
    pub payload_bytes: i32,
    /// Why, `UPPER_SNAKE_CASE`; `BEHIND_PARKED` for those that only wait for an earlier one of their key.
    pub reason: String,
    /// When it was parked.
    pub parked_at: OffsetDateTime,
}

/// What is in a parked row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Headers of the record that it would be; none for a job, and where it cannot be a record.
    pub headers: Vec<(String, String)>,
    /// The encoded message or job.
    pub payload: Vec<u8>,
}

/// What a redrive did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Redriven {
    /// Rows that the relay tries again.
    pub rows: u64,
    /// Rows of the selection that are parked still.
    pub left: i64,
}

impl DeadLetters {
    /// Those of a service's database.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        Self { db: db.clone() }
    }

    /// Up to `limit` rows of a tenant with a number above `after`, of one key or of all, in the order of appending.
    ///
    /// # Errors
    /// What the database says.
    pub async fn list(
        &self,
        tenant: &Tenant,
        key: Option<String>,
        after: i64,
        limit: i64,
    ) -> Result<Vec<DeadLetter>, pg::Error> {
        let tenant = tenant.clone();
        self.db
            .system(move |tx| Box::pin(async move { list(tx, &tenant, key.as_deref(), after, limit).await }))
            .await
    }

    /// A row with its contents.
    ///
    /// # Errors
    /// What the database says.
    pub async fn show(&self, tenant: &Tenant, id: i64) -> Result<Option<(DeadLetter, Contents)>, pg::Error> {
        let tenant = tenant.clone();
        self.db
            .system(move |tx| {
                Box::pin(async move {
                    let Some(letter) = find(tx, &tenant, id).await? else { return Ok(None) };
                    let row = sqlx::query!("select traceparent, payload from outbox where seq = $1", id);
                    let row = row.fetch_optional(&mut **tx).await?;
                    // The relay may have taken it in between.
                    Ok(row.map(|row| {
                        let headers = headers(&letter, tenant, row.traceparent);
                        (letter, Contents { headers, payload: row.payload })
                    }))
                })
            })
            .await
    }

    /// Lets the relay try again: all rows of the selection's keys, at most `keys` of them, each in the order of
    /// appending. A key's first row that is refused again is parked again, and the later ones behind it. Safe to repeat.
    ///
    /// # Errors
    /// What the database says.
    pub async fn redrive(
        &self,
        tenant: &Tenant,
        selection: Selection,
        keys: i64,
    ) -> Result<Redriven, pg::Error> {
        let tenant = tenant.clone();
        let (ids, key) = match selection {
            Selection::Ids(ids) => (Some(ids), None),
            Selection::Key(key) => (None, Some(key)),
            Selection::All => (None, None),
        };
        let redriven = self.db.system(move |tx| {
            Box::pin(async move {
                parking::lock(tx).await?;
                let release = sqlx::query!(
                    "with places as (
                         select distinct lane, destination, key from outbox
                          where parked_reason is not null and tenant = $1
                            and ($2::bigint[] is null or seq = any ($2)) and ($3::text is null or key = $3)
                          limit $4)
                     update outbox set parked_at = null, parked_reason = null
                       from places
                      where outbox.lane = places.lane and outbox.destination = places.destination
                        and outbox.key = places.key and outbox.parked_reason is not null",
                    tenant.as_str(),
                    ids.as_deref(),
                    key.as_deref(),
                    keys,
                );
                let rows = release.execute(&mut **tx).await?.rows_affected();
                let left = sqlx::query_scalar!(
                    r#"select count(*) as "left!" from outbox
                        where parked_reason is not null and tenant = $1
                          and ($2::bigint[] is null
                               or (lane, destination, key) in (select lane, destination, key from outbox
                                                                where parked_reason is not null and seq = any ($2)))
                          and ($3::text is null or key = $3)"#,
                    tenant.as_str(),
                    ids.as_deref(),
                    key,
                );
                Ok::<_, pg::Error>(Redriven { rows, left: left.fetch_one(&mut **tx).await? })
            })
        });
        let redriven = redriven.await?;
        if redriven.rows > 0 {
            self.db.waker(TOPIC_WAKER).notify_one();
            self.db.waker(QUEUE_WAKER).notify_one();
        }
        Ok(redriven)
    }

    /// Removes a row without publishing it; says what it was, `None` where there is none. Later ones of its key stay
    /// parked until they are redriven. The event is lost for everybody: only for what can never be published.
    ///
    /// # Errors
    /// What the database says.
    pub async fn discard(&self, tenant: &Tenant, id: i64) -> Result<Option<DeadLetter>, pg::Error> {
        let tenant = tenant.clone();
        self.db
            .system(move |tx| {
                Box::pin(async move {
                    parking::lock(tx).await?;
                    let Some(letter) = find(tx, &tenant, id).await? else { return Ok(None) };
                    sqlx::query!("delete from outbox where seq = $1", id).execute(&mut **tx).await?;
                    // The next of the key is now what the others wait for.
                    let next = sqlx::query!(
                        "update outbox set parked_reason = 'PREDECESSOR_DISCARDED'
                          where seq = (select min(seq) from outbox
                                        where lane = $1 and destination = $2 and key = $3
                                          and parked_reason is not null)
                            and parked_reason = 'BEHIND_PARKED'",
                        letter.lane,
                        letter.destination,
                        letter.key,
                    );
                    next.execute(&mut **tx).await?;
                    Ok(Some(letter))
                })
            })
            .await
    }
}

/// Those of the record that the relay would make, but for the span of its own in `traceparent`.
fn headers(letter: &DeadLetter, tenant: Tenant, traceparent: Option<String>) -> Vec<(String, String)> {
    let Some(id) = letter.event_id.try_into().ok().filter(|_| letter.lane == topic_lane::LANE) else {
        return Vec::new();
    };
    let event = CloudEvent {
        id,
        source: source(&letter.destination),
        type_: letter.type_.clone(),
        subject: letter.subject.clone(),
        time: letter.time,
        tenant,
        dataschema: letter.dataschema.clone(),
        traceparent,
        key: letter.key.clone(),
        payload: Vec::new(),
    };
    let headers = event.headers(Tracing::AsIs);
    let text = |value: Option<&[u8]>| String::from_utf8_lossy(value.unwrap_or_default()).into_owned();
    headers.iter().map(|header| (header.key.to_owned(), text(header.value))).collect()
}

async fn find(tx: &mut SystemTx, tenant: &Tenant, id: i64) -> Result<Option<DeadLetter>, pg::Error> {
    let letters = list(tx, tenant, None, id.saturating_sub(1), 1).await?;
    Ok(letters.into_iter().find(|letter| letter.id == id))
}

async fn list(
    tx: &mut SystemTx,
    tenant: &Tenant,
    key: Option<&str>,
    after: i64,
    limit: i64,
) -> Result<Vec<DeadLetter>, pg::Error> {
    let letters = sqlx::query_as!(
        DeadLetter,
        r#"select seq as id, lane, destination, id as event_id, type as type_, subject, key, time, dataschema,
                  octet_length(payload) as "payload_bytes!", parked_reason as "reason!", parked_at as "parked_at!"
             from outbox
            where parked_reason is not null and tenant = $1 and seq > $2 and ($3::text is null or key = $3)
            order by seq
            limit $4"#,
        tenant.as_str(),
        after,
        key,
        limit,
    );
    Ok(letters.fetch_all(&mut **tx).await?)
}
