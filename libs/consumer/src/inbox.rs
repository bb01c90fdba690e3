//! Inbox mode: the effects and the notes that they happened, in one transaction.

use std::sync::Arc;

use clock::Clock;
use futures::future::BoxFuture;
use ids::Tenant;
use kafka::{CloudEvent, Malformed, Record};
use pg::{Db, Tx};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::apply::{Broken, Mode, Tally, refused, span};
use crate::dead_letters::DeadLetters;
use crate::failure::BoxError;
use crate::group::Group;
use crate::handlers::{Handler, Handlers};
use crate::item::{Content, Item};
use crate::notes::{Note, Noted};
use crate::parked::{self, Parking};
use crate::{Error, Failure};

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
        Applying { db: db.clone(), clock: clock.clone(), group: group.into(), handlers: Handlers::default() };
    Ok(Inbox { group: Group::new(kafka, clock, group, topics)?, applying })
}

impl Inbox {
    /// Applies events of `type_` with `handler`, one after the other. Events of types without a handler write nothing.
    ///
    /// The handler runs inside the event's tenant's transaction, which it may share with others before and after it,
    /// and under the event's trace; it writes through `tx` and calls nothing over the network. It may run again for
    /// the same event, after a rollback.
    pub fn on<H>(mut self, type_: &str, handler: H) -> Self
    where
        H: for<'c> Fn(&'c mut Tx, &'c CloudEvent) -> BoxFuture<'c, Result<(), Failure>>
            + Send
            + Sync
            + 'static,
    {
        self.applying.handlers.insert(type_, Handler::One(Arc::new(handler)));
        self
    }

    /// Applies events of `type_` with `handler`, as many as follow each other in a transaction at a time, so that it
    /// can write them with one statement. Otherwise as [`Inbox::on`].
    ///
    /// They are of one tenant, in the order of the partition where they are of one key, and each comes for the first
    /// time; one key may be among them several times. When it fails they are tried in smaller parts, until the one that
    /// cannot be applied stands alone.
    pub fn on_batch<H>(mut self, type_: &str, handler: H) -> Self
    where
        H: for<'c> Fn(&'c mut Tx, &'c [&'c CloudEvent]) -> BoxFuture<'c, Result<(), Failure>>
            + Send
            + Sync
            + 'static,
    {
        self.applying.handlers.insert(type_, Handler::Many(Arc::new(handler)));
        self
    }

    /// Applies events of every type that has no handler of its own, those of future types too, as many as follow each other
    /// in a transaction at a time, whatever their types. Otherwise as [`Inbox::on_batch`].
    pub fn on_every_batch<H>(mut self, handler: H) -> Self
    where
        H: for<'c> Fn(&'c mut Tx, &'c [&'c CloudEvent]) -> BoxFuture<'c, Result<(), Failure>>
            + Send
            + Sync
            + 'static,
    {
        self.applying.handlers.insert_rest(Handler::Many(Arc::new(handler)));
        self
    }

    /// Sets a property of the Kafka client, for example `max.poll.interval.ms`.
    pub fn client_property(mut self, key: &str, value: &str) -> Self {
        self.group.client_property(key, value);
        self
    }

    /// What this consumer has parked, for operators; redrives apply it with the handlers given so far, so that it is
    /// taken after the last [`Inbox::on`].
    #[must_use]
    pub fn dead_letters(&self) -> DeadLetters {
        let Applying { db, clock, group, handlers } = &self.applying;
        DeadLetters::new(db.clone(), clock.clone(), Arc::clone(group), handlers.clone())
    }

    /// Consumes until `shutdown`; then ends what is being applied and commits the offsets. Never fails: whatever is
    /// away is waited for.
    pub async fn run(self, shutdown: CancellationToken) {
        self.group.run(Mode::Inbox(self.applying), shutdown).await;
    }
}

/// Applies events to the database.
pub(crate) struct Applying {
    db: Db,
    clock: Clock,
    group: Arc<str>,
    pub(crate) handlers: Handlers,
}

impl Applying {
    /// Applies events of one tenant in one transaction.
    pub(crate) async fn apply(&self, batch: &[Arc<Item>]) -> Result<Tally, Broken> {
        let tenant = match batch.first().map(|item| &item.content) {
            Some(Content::Event(event, _)) => event.tenant.clone(),
            Some(Content::Malformed(_, malformed)) => return Err(refused(malformed)),
            Some(Content::Unwanted) | None => return Ok(Tally::default()),
        };
        let (note, handlers, items) = (self.note(), self.handlers.clone(), batch.to_vec());
        let applied: Result<Tally, Broken> =
            self.db.tenant(&tenant, move |tx| Box::pin(together(tx, note, handlers, items))).await;
        let tally = applied?;
        failpoint!("consumer::committed");
        Ok(tally)
    }

    /// Parks a record of which nothing is stored.
    pub(crate) async fn park(
        &self,
        item: &Arc<Item>,
        reason: &'static str,
        attempts: u32,
    ) -> Result<Tally, BoxError> {
        match &item.content {
            Content::Event(event, _) => {
                let (note, tenant, item) = (self.note(), event.tenant.clone(), Arc::clone(item));
                let parking = Parking { reason, detail: None, attempts };
                let parked = self.db.tenant(&tenant, move |tx| Box::pin(park(tx, note, item, parking)));
                Ok(parked.await?)
            }
            Content::Malformed(record, malformed) => {
                self.park_malformed(record.clone(), malformed, attempts).await
            }
            Content::Unwanted => Ok(Tally::default()),
        }
    }

    /// Parks a record that is no event: under its tenant if it names one, so that later events of its key join it.
    async fn park_malformed(
        &self,
        record: Record,
        malformed: &Malformed,
        attempts: u32,
    ) -> Result<Tally, BoxError> {
        let note = self.note();
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
        Ok(Tally { parked: 1, ..Tally::default() })
    }

    fn note(&self) -> Note {
        Note { group: Arc::clone(&self.group), now: self.clock.now() }
    }
}

/// An event that is applied, and its place in the batch.
struct Fresh<'b> {
    at: usize,
    item: &'b Item,
    event: &'b CloudEvent,
}

/// Notes all events of a batch, then applies those that are new.
async fn together(
    tx: &mut Tx,
    note: Note,
    handlers: Handlers,
    items: Vec<Arc<Item>>,
) -> Result<Tally, Broken> {
    let mut all = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        if let Some(event) = item.event() {
            all.push(Fresh { at, item, event });
        }
    }
    let events: Vec<&CloudEvent> = all.iter().map(|fresh| fresh.event).collect();
    // Whatever goes wrong here is not about what the events say.
    let noted = note.arrivals(tx, &events).await.map_err(|error| Broken::any(Failure::retry(error)))?;
    failpoint!("consumer::noted");
    let (fresh, mut tally) = select(tx, &note, all, noted).await?;
    let mut rest = &fresh[..];
    while let Some(first) = rest.first() {
        let same = |fresh: &&Fresh<'_>| handlers.together(&fresh.event.type_, &first.event.type_);
        let run = rest.iter().take_while(same).count();
        // Only records whose type has one were queued.
        let Some(handler) = handlers.get(&first.event.type_) else { break };
        let count = if matches!(handler, Handler::One(_)) { 1 } else { run };
        let (run, later) = rest.split_at(count);
        let places = first.at..run.last().map_or(first.at, |last| last.at) + 1;
        let events: Vec<&CloudEvent> = run.iter().map(|fresh| fresh.event).collect();
        let applied = handler.apply(tx, &events).instrument(span(first.item, first.event)).await;
        applied.map_err(|failure| Broken::at(places, failure))?;
        tally.applied += run.len() as u64;
        rest = later;
    }
    failpoint!("consumer::applied");
    Ok(tally)
}

/// Notes an event and parks it.
async fn park(tx: &mut Tx, note: Note, item: Arc<Item>, parking: Parking) -> Result<Tally, pg::Error> {
    let Some(event) = item.event() else { return Ok(Tally::default()) };
    if !note.arrivals(tx, &[event]).await?.is_first(event) {
        return Ok(Tally { repeated: 1, ..Tally::default() });
    }
    parked::park(tx, &note.group, &item.record(), Some(event), parking, note.now).await?;
    Ok(Tally { parked: 1, ..Tally::default() })
}

/// Drops the events that came before, and parks those whose key is parked.
async fn select<'b>(
    tx: &mut Tx,
    note: &Note,
    all: Vec<Fresh<'b>>,
    mut noted: Noted,
) -> Result<(Vec<Fresh<'b>>, Tally), pg::Error> {
    let mut tally = Tally::default();
    let mut fresh = Vec::with_capacity(all.len());
    for one in all {
        if !noted.is_first(one.event) {
            tally.repeated += 1;
        } else if noted.holds(one.event) {
            let parking = Parking { reason: "BEHIND_PARKED", detail: None, attempts: 1 };
            parked::park(tx, &note.group, &one.item.record(), Some(one.event), parking, note.now).await?;
            tally.behind_parked += 1;
        } else {
            fresh.push(one);
        }
    }
    Ok((fresh, tally))
}
