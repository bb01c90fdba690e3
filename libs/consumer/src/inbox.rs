//! Inbox mode: the effect and the note that it happened, in one transaction.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use clock::Clock;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use ids::Tenant;
use kafka::{CloudEvent, Malformed, Record};
use pg::{Db, Tx};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::apply::{Mode, Outcome};
use crate::failure::BoxError;
use crate::group::Group;
use crate::parked::{self, Parking};
use crate::{Error, Failure};

type Handler =
    Arc<dyn for<'c> Fn(&'c mut Tx, &'c CloudEvent) -> BoxFuture<'c, Result<(), Failure>> + Send + Sync>;

/// A consumer whose effects are rows of its own database; made by [`inbox`].
#[must_use = "nothing is consumed before `run`"]
pub struct Inbox {
    group: Group,
    applying: Applying,
}

/// Consumes `topics` as `group`, both without the environment's prefix. Give it handlers, then run it.
///
/// # Errors
/// When the connection to Kafka cannot be prepared; nothing is connected yet.
pub fn inbox(
    db: &Db,
    kafka: &kafka::Settings,
    clock: &Clock,
    group: &str,
    topics: &[&str],
) -> Result<Inbox, Error> {
    let applying =
        Applying { db: db.clone(), clock: clock.clone(), group: group.into(), handlers: HashMap::new() };
    Ok(Inbox { group: Group::new(kafka, clock, group, topics)?, applying })
}

impl Inbox {
    /// Applies events of `type_` with `handler`. Events of types without a handler write nothing.
    ///
    /// The handler runs inside the event's tenant's transaction and under the event's trace; it writes through `tx`
    /// and calls nothing over the network.
    pub fn on<H>(mut self, type_: &str, handler: H) -> Self
    where
        H: for<'c> Fn(&'c mut Tx, &'c CloudEvent) -> BoxFuture<'c, Result<(), Failure>>
            + Send
            + Sync
            + 'static,
    {
        self.applying.handlers.insert(type_.to_owned(), Arc::new(handler));
        self
    }

    /// Sets a property of the Kafka client, for example `max.poll.interval.ms`.
    pub fn client_property(mut self, key: &str, value: &str) -> Self {
        self.group.client_property(key, value);
        self
    }

    /// Consumes until `shutdown`; then ends what is being applied and commits the offsets. Never fails: whatever is
    /// away is waited for.
    pub async fn run(self, shutdown: CancellationToken) {
        self.group.run(Mode::Inbox(self.applying), shutdown).await;
    }
}

/// Forgets up to `limit` events that were applied before `before`, and returns how many. Keep them longer than any
/// topic keeps its events: an event that is forgotten and delivered again is applied again.
///
/// # Errors
/// What the database says.
pub async fn sweep(db: &Db, before: OffsetDateTime, limit: i64) -> Result<u64, pg::Error> {
    db.system(move |tx| {
        Box::pin(async move {
            let swept = sqlx::query!(
                "delete from inbox
                  where (consumer_group, event_id) in
                        (select consumer_group, event_id from inbox where applied_at < $1 limit $2)",
                before,
                limit,
            );
            Ok(swept.execute(&mut **tx).await?.rows_affected())
        })
    })
    .await
}

/// Applies events to the database.
pub(crate) struct Applying {
    db: Db,
    clock: Clock,
    group: Arc<str>,
    handlers: HashMap<String, Handler>,
}

impl Applying {
    pub(crate) fn handles(&self, type_: &str) -> bool {
        self.handlers.contains_key(type_)
    }

    pub(crate) async fn apply(
        &self,
        record: &Arc<Record>,
        event: &Arc<CloudEvent>,
        attempts: u32,
    ) -> Result<Outcome, Failure> {
        let Some(handler) = self.handlers.get(&event.type_).cloned() else { return Ok(Outcome::Ignored) };
        let (note, record, event) = (self.note(), Arc::clone(record), Arc::clone(event));
        let tenant = event.tenant.clone();
        let applied: Result<Outcome, Failure> = self
            .db
            .tenant(&tenant, move |tx| {
                Box::pin(async move {
                    let Some(behind) = note.first_arrival(tx, &event).await? else {
                        return Ok(Outcome::Repeated);
                    };
                    if behind && parked::holds_key(tx, &note.group, event.key.as_bytes()).await? {
                        let parking = Parking { reason: "BEHIND_PARKED", detail: None, attempts };
                        parked::park(tx, &note.group, &record, Some(&event), parking, note.now).await?;
                        return Ok(Outcome::BehindParked);
                    }
                    failpoint!("consumer::noted");
                    caught(handler(tx, &event)).await?;
                    failpoint!("consumer::applied");
                    Ok(Outcome::Applied)
                })
            })
            .await;
        let outcome = applied?;
        failpoint!("consumer::committed");
        Ok(outcome)
    }

    /// Parks an event of which nothing is stored.
    pub(crate) async fn park(
        &self,
        record: &Arc<Record>,
        event: &Arc<CloudEvent>,
        reason: &'static str,
        attempts: u32,
    ) -> Result<Outcome, BoxError> {
        let (note, record, event) = (self.note(), Arc::clone(record), Arc::clone(event));
        let tenant = event.tenant.clone();
        let parked = self.db.tenant(&tenant, move |tx| {
            Box::pin(async move {
                if note.first_arrival(tx, &event).await?.is_none() {
                    return Ok(Outcome::Repeated);
                }
                let parking = Parking { reason, detail: None, attempts };
                parked::park(tx, &note.group, &record, Some(&event), parking, note.now).await?;
                Ok::<_, pg::Error>(Outcome::Parked)
            })
        });
        Ok(parked.await?)
    }

    /// Parks a record that is no event: under its tenant if it names one, so that later events of its key join it.
    pub(crate) async fn park_malformed(
        &self,
        record: &Arc<Record>,
        malformed: &Malformed,
        attempts: u32,
    ) -> Result<Outcome, BoxError> {
        let (note, record) = (self.note(), Arc::clone(record));
        let parking = Parking { reason: malformed.reason(), detail: Some(malformed.to_string()), attempts };
        let tenant = record.header("ce_tenant").and_then(|tenant| tenant.parse::<Tenant>().ok());
        match tenant {
            Some(tenant) => {
                let parked = self.db.tenant(&tenant, move |tx| {
                    Box::pin(
                        async move { parked::park(tx, &note.group, &record, None, parking, note.now).await },
                    )
                });
                parked.await?;
            }
            None => {
                let parked = self.db.system(move |tx| {
                    Box::pin(async move {
                        parked::park_without_tenant(tx, &note.group, &record, parking, note.now).await
                    })
                });
                parked.await?;
            }
        }
        Ok(Outcome::Parked)
    }

    fn note(&self) -> Note {
        Note { group: Arc::clone(&self.group), now: self.clock.now() }
    }
}

/// What a transaction needs to know about its consumer.
struct Note {
    group: Arc<str>,
    now: OffsetDateTime,
}

impl Note {
    /// Notes the event as applied: `None` where it was noted before, else whether an earlier one of its key may be
    /// parked. Waits for another transaction that is applying it.
    #[tracing::instrument(name = "db.inbox.insert", skip_all)]
    async fn first_arrival(&self, tx: &mut Tx, event: &CloudEvent) -> Result<Option<bool>, pg::Error> {
        let row = sqlx::query!(
            r#"with noted as (
                   insert into inbox (consumer_group, event_id, tenant, applied_at) values ($1, $2, $3, $4)
                   on conflict do nothing
                   returning 1
               )
               select exists (select from noted) as "first!",
                      exists (select from parked where consumer_group = $1 and tenant = $3 and key = $5) as "behind!""#,
            &*self.group,
            event.id.as_uuid(),
            event.tenant.as_str(),
            self.now,
            event.key.as_bytes(),
        )
        .fetch_one(&mut **tx)
        .await?;
        Ok(row.first.then_some(row.behind))
    }
}

/// A handler that panics is a defect which this event lays bare; the next one may be fine.
async fn caught(handled: BoxFuture<'_, Result<(), Failure>>) -> Result<(), Failure> {
    match AssertUnwindSafe(handled).catch_unwind().await {
        Ok(result) => result,
        Err(_) => Err(Failure::poison("HANDLER_PANICKED", "the handler panicked")),
    }
}
