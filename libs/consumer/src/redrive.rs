//! Applying parked records after all, in the order of their keys.
//!
//! A key's records are taken one by one from its front, each in a transaction of its own together with its removal.
//! The row's lock keeps others away: another redrive waits and finds the next one, a first arrival of the key waits
//! (`for share`) and then parks itself behind what is left or, where nothing is, applies itself.

use std::sync::Arc;
use std::time::Duration;

use ids::Tenant;
use kafka::Malformed;
use pg::Tx;
use rpc_error::Chain;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::dead_letters::{DeadLetters, Selection, Whose};
use crate::handlers::Handlers;
use crate::parked::{self, Parked, Queue};
use crate::{CloudEvent, Failure};

/// How much one redrive does at most.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Records that are applied.
    pub records: usize,
    /// Time after which no other record is begun.
    pub time: Duration,
}

/// What a redrive did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redriven {
    /// Records that are applied and gone.
    pub applied: usize,
    /// Keys that stopped at a record which cannot be applied, least tried first.
    pub stopped: Vec<Stopped>,
    /// Records of the selection that are parked still.
    pub left: i64,
}

/// Where a key stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Number of the record.
    pub id: i64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Why, `UPPER_SNAKE_CASE`.
    pub reason: String,
    /// Which rule was broken, never by which value.
    pub detail: Option<String>,
}

/// What became of one record.
enum Step {
    /// There was none.
    Empty,
    Applied,
    Stopped(Stopped),
}

/// Why a record's transaction was rolled back.
enum Refused {
    /// The record is at fault, or what its handler needs is away.
    Record(i64, Failure),
    Database(pg::Error),
}

impl From<pg::Error> for Refused {
    fn from(error: pg::Error) -> Self {
        Self::Database(error)
    }
}

impl DeadLetters {
    /// Applies what is selected with the consumer's handlers and removes it from the table: each key in order, up to its
    /// first record that cannot be applied; other keys go on. Safe to repeat, and to run beside itself and the consumer.
    ///
    /// # Errors
    /// What the database says; what was applied before stays applied.
    pub async fn redrive(
        &self,
        whose: &Whose,
        selection: Selection,
        bounds: Bounds,
    ) -> Result<Redriven, pg::Error> {
        let ends = Instant::now() + bounds.time;
        let limit = i64::try_from(bounds.records).unwrap_or(i64::MAX);
        let all = selection == Selection::All;
        let group = Arc::clone(&self.group);
        let queues = self.read(whose, move |connection, tenant| {
            Box::pin(async move { parked::queues(connection, &group, &tenant, &selection, limit).await })
        });
        let queues = queues.await?;
        let mut redriven = Redriven::default();
        'queues: for queue in &queues {
            loop {
                if redriven.applied >= bounds.records || Instant::now() >= ends {
                    break 'queues;
                }
                match self.step(whose, queue).await? {
                    Step::Empty => break,
                    Step::Applied => redriven.applied += 1,
                    Step::Stopped(stopped) => {
                        redriven.stopped.push(stopped);
                        break;
                    }
                }
            }
        }
        let group = Arc::clone(&self.group);
        let left = self.read(whose, move |connection, tenant| {
            Box::pin(async move {
                let queues = (!all).then_some(queues);
                parked::count(connection, &group, &tenant, queues.as_deref()).await
            })
        });
        redriven.left = left.await?;
        Ok(redriven)
    }

    async fn step(&self, whose: &Whose, queue: &Queue) -> Result<Step, pg::Error> {
        match whose {
            Whose::Tenant(tenant) => self.step_of_tenant(tenant, queue).await,
            Whose::Nobody => self.step_of_nobody(queue).await,
        }
    }

    async fn step_of_tenant(&self, tenant: &Tenant, queue: &Queue) -> Result<Step, pg::Error> {
        let (applying, queue_of_unit) = (self.applying(), queue.clone());
        let applied = self.db.tenant(tenant, move |tx| {
            Box::pin(async move {
                let first = parked::take_first(tx, &applying.group, &queue_of_unit).await?;
                let Some(parked) = first else { return Ok(Step::Empty) };
                let refused = |failure| Refused::Record(parked.id, failure);
                let event =
                    CloudEvent::parse(&parked.record).map_err(|malformed| refused(malformed.into()))?;
                let applied = applying.apply(tx, &parked, &event).instrument(span(&event));
                applied.await.map_err(refused)?;
                let tenant = tx.tenant().clone();
                parked::remove(&mut *tx, tenant.as_str(), parked.id).await?;
                Ok(Step::Applied)
            })
        });
        match applied.await {
            Ok(step) => Ok(step),
            Err(Refused::Database(error)) => Err(error),
            Err(Refused::Record(id, failure)) => {
                self.stop(&Whose::Tenant(tenant.clone()), queue, id, failure).await
            }
        }
    }

    /// A record that did not say whose it is: should it be readable by now, it is applied under its tenant first and
    /// removed then; its note in the inbox makes a repeat harmless.
    async fn step_of_nobody(&self, queue: &Queue) -> Result<Step, pg::Error> {
        let (group, queue_of_unit) = (Arc::clone(&self.group), queue.clone());
        let first = self.db.system(move |tx| {
            Box::pin(async move { parked::first_of_nobody(tx, &group, &queue_of_unit).await })
        });
        let Some(parked) = first.await? else { return Ok(Step::Empty) };
        let id = parked.id;
        let event = match CloudEvent::parse(&parked.record) {
            Ok(event) => event,
            Err(malformed) => return self.stop(&Whose::Nobody, queue, id, malformed.into()).await,
        };
        let (applying, tenant) = (self.applying(), event.tenant.clone());
        let applied = self.db.tenant(&tenant, move |tx| {
            Box::pin(async move {
                let applied = applying.apply(tx, &parked, &event).instrument(span(&event));
                applied.await.map_err(|failure| Refused::Record(parked.id, failure))
            })
        });
        match applied.await {
            Ok(()) => {}
            Err(Refused::Database(error)) => return Err(error),
            Err(Refused::Record(_, failure)) => return self.stop(&Whose::Nobody, queue, id, failure).await,
        }
        self.read(&Whose::Nobody, move |connection, tenant| {
            Box::pin(async move { parked::remove(connection, &tenant, id).await })
        })
        .await?;
        Ok(Step::Applied)
    }

    /// Notes why a record stays. What failed for now is not the record's fault and is not noted.
    async fn stop(&self, whose: &Whose, queue: &Queue, id: i64, failure: Failure) -> Result<Step, pg::Error> {
        let (reason, detail, source) = match failure {
            Failure::Retry(source) => {
                let detail = "something that the handler needs is away; try again".to_owned();
                tracing::warn!(error = %Chain(&*source), "parked event cannot be applied now");
                let stopped = Stopped {
                    id,
                    key: queue.key.clone(),
                    reason: "UNAVAILABLE".to_owned(),
                    detail: Some(detail),
                };
                return Ok(Step::Stopped(stopped));
            }
            Failure::Poison { reason, source } => {
                // A malformed record's error names headers and rules; a handler's may name anything.
                let detail = source.downcast_ref::<Malformed>().map(ToString::to_string);
                (reason, detail, source)
            }
        };
        tracing::warn!(id, reason, error = %Chain(&*source), "parked event still cannot be applied");
        let detail_of_unit = detail.clone();
        self.read(whose, move |connection, tenant| {
            Box::pin(async move {
                parked::tried(connection, &tenant, id, reason, detail_of_unit.as_deref()).await
            })
        })
        .await?;
        Ok(Step::Stopped(Stopped { id, key: queue.key.clone(), reason: reason.to_owned(), detail }))
    }

    fn applying(&self) -> Applying {
        let (group, handlers) = (Arc::clone(&self.group), self.handlers.clone());
        Applying { group, handlers, now: self.clock.now() }
    }
}

/// What a transaction needs to know about its consumer.
struct Applying {
    group: Arc<str>,
    handlers: Handlers,
    now: time::OffsetDateTime,
}

impl Applying {
    /// Applies an event, unless it was applied since: a record that was no event when it was parked left no note.
    async fn apply(&self, tx: &mut Tx, parked: &Parked, event: &CloudEvent) -> Result<(), Failure> {
        let Some(handler) = self.handlers.get(&event.type_) else {
            return Err(Failure::poison("HANDLER_MISSING", "no handler of this version takes the type"));
        };
        let first = parked::note(tx, &self.group, event, self.now).await?;
        if parked.noted || first {
            handler.apply(tx, &[event]).await?;
        }
        Ok(())
    }
}

impl From<Malformed> for Failure {
    fn from(malformed: Malformed) -> Self {
        Self::poison(malformed.reason(), malformed)
    }
}

/// In the event's own trace, as if it came now.
fn span(event: &CloudEvent) -> tracing::Span {
    let span = tracing::info_span!(
        "consumer.redrive",
        otel.kind = "consumer",
        event.id = %event.id,
        event.type = event.type_,
        tenant = %event.tenant,
    );
    if let Some(traceparent) = &event.traceparent {
        telemetry::context::set_parent(&span, traceparent);
    }
    span
}
