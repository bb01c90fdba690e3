//! Events become entries.

use consumer::{CloudEvent, Failure};
use evidence::{Chain, Event};
use pg::Tx;
use time::OffsetDateTime;

use crate::store::{self, Head, Row};

/// Appends events to the chain of the transaction's tenant, in their order, while its head is locked: whoever else appends
/// to the same tenant's waits for the commit.
///
/// # Errors
/// [`Failure::Retry`] where the chain's end is not where its head says: it was altered, and whoever mends it wants nothing
/// to be skipped meanwhile. Otherwise what the database says of the events.
pub async fn append(tx: &mut Tx, service: &str, events: &[&CloudEvent]) -> Result<(), Failure> {
    let chain = Chain { service: service.to_owned(), tenant: tx.tenant().clone() };
    let mut head = store::lock_head(tx, &chain).await?;
    let mut rows = Vec::with_capacity(events.len());
    for event in events {
        let entry = chain.entry(head.seq + 1, head.hash, as_kept(event));
        head = Head { seq: entry.seq, hash: entry.hash };
        rows.push(Row::from(&entry));
    }
    store::insert(tx, &chain.tenant, &rows).await.map_err(misplaced)?;
    store::move_head(tx, &chain.tenant, &head).await?;
    Ok(())
}

fn as_kept(event: &CloudEvent) -> Event {
    Event {
        id: event.id,
        type_: event.type_.clone(),
        subject: event.subject.clone(),
        time: micros(event.time),
        schema: event.dataschema.clone(),
        body: event.payload.clone(),
    }
}

/// What PostgreSQL keeps of a time.
pub(crate) fn micros(time: OffsetDateTime) -> OffsetDateTime {
    time.replace_nanosecond(time.nanosecond() / 1_000 * 1_000).unwrap_or(time)
}

fn misplaced(error: sqlx::Error) -> Failure {
    let error = pg::Error::from(error);
    if error.constraint() == Some("audit_entries_pkey") { Failure::retry(error) } else { error.into() }
}
