//! Appending, in the transaction that changes the state.

use clock::Clock;
use ids::EventId;
use pg::Tx;
use queue::Job;
use uuid::Uuid;

use crate::failpoint::failpoint;

/// Wake the lanes of this process right after a commit; rows that another process appended are found by polling.
pub(crate) const TOPIC_WAKER: &str = "outbox.topic";
pub(crate) const QUEUE_WAKER: &str = "outbox.queue";

/// An event to publish. Ids, codes and numbers only: events never carry personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Topic without the environment's prefix, for example `guildhall.document.v1`.
    pub topic: String,
    /// CloudEvents type, for example `guildhall.document.ready.v1`.
    pub type_: String,
    /// Id of the thing that the event is about.
    pub subject: String,
    /// Id whose order matters; events of one key are published in the order in which they were appended.
    pub key: String,
    /// URI of the message that `payload` is, see [`kafka::dataschema`].
    pub dataschema: String,
    /// The encoded message, at most 64 KiB.
    pub payload: Vec<u8>,
}

impl Event {
    /// An event that carries `message`.
    pub fn new<M: prost::Name>(
        topic: &str,
        type_: &str,
        key: impl Into<String>,
        subject: impl Into<String>,
        message: &M,
    ) -> Self {
        Self {
            topic: topic.to_owned(),
            type_: type_.to_owned(),
            subject: subject.into(),
            key: key.into(),
            dataschema: kafka::dataschema::<M>(),
            payload: message.encode_to_vec(),
        }
    }
}

/// Appends an event to the transaction: published if it commits, never if it does not.
///
/// For the order of a key to hold, the transaction must already hold the lock of the row that the key names.
///
/// # Errors
/// What the database says, see [`pg::Error`]: among it a violated check when a name is not 1 to 255 visible ASCII
/// characters, or the payload is over 64 KiB.
pub async fn append(tx: &mut Tx, clock: &Clock, event: Event) -> Result<EventId, pg::Error> {
    let id = EventId::mint(clock);
    let row = Row {
        id: id.into(),
        lane: "topic",
        destination: &event.topic,
        key: &event.key,
        type_: &event.type_,
        subject: &event.subject,
        dataschema: &event.dataschema,
        payload: &event.payload,
    };
    insert(tx, clock, row).await?;
    tx.wake_on_commit(TOPIC_WAKER);
    Ok(id)
}

/// Appends a job for a queue, without the environment's prefix, to the transaction: sent if it commits, never if it
/// does not. Jobs have no order.
///
/// # Errors
/// [`pg::Error::Invalid`] when the job is another tenant's than the transaction; otherwise as [`append`].
pub async fn append_job(tx: &mut Tx, clock: &Clock, queue: &str, job: &Job) -> Result<(), pg::Error> {
    if job.tenant != *tx.tenant() {
        return Err(pg::Error::Invalid("a job must be of its transaction's tenant"));
    }
    let key = job.job_id.to_string();
    let payload = job.to_json();
    let row = Row {
        id: job.job_id.into(),
        lane: "queue",
        destination: queue,
        key: &key,
        type_: &job.kind,
        subject: &key,
        dataschema: "json:job",
        payload: payload.as_bytes(),
    };
    insert(tx, clock, row).await?;
    tx.wake_on_commit(QUEUE_WAKER);
    Ok(())
}

struct Row<'r> {
    id: Uuid,
    lane: &'static str,
    destination: &'r str,
    key: &'r str,
    type_: &'r str,
    subject: &'r str,
    dataschema: &'r str,
    payload: &'r [u8],
}

#[tracing::instrument(name = "db.outbox.insert", skip_all, fields(lane = row.lane))]
async fn insert(tx: &mut Tx, clock: &Clock, row: Row<'_>) -> Result<(), pg::Error> {
    let tenant = tx.tenant().clone();
    sqlx::query!(
        "insert into outbox (id, tenant, lane, destination, key, type, subject, time, dataschema, traceparent, payload)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        row.id,
        tenant.as_str(),
        row.lane,
        row.destination,
        row.key,
        row.type_,
        row.subject,
        clock.now(),
        row.dataschema,
        telemetry::context::traceparent(),
        row.payload,
    )
    .execute(&mut **tx)
    .await?;
    failpoint!("outbox::appended");
    Ok(())
}
