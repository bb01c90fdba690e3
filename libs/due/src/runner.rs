use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use futures::{FutureExt, StreamExt};
use pg::{BoxFuture, Db, Tx};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use uuid::Uuid;

use crate::metrics::Metrics;
use crate::schedule::fence;
use crate::store::{self, Taken};
use crate::{WAKER, backoff};

/// Rows of one kind taken at once.
const BATCH: i64 = 50;
/// Handlers at work at once.
const CONCURRENCY: usize = 4;
/// After this long a row that was taken and not settled is taken by the next runner: its process is gone. Longer
/// than a batch of handlers takes.
const LEASE: Duration = Duration::from_secs(5 * 60);
/// How often a runner looks without being woken: other processes schedule too.
const POLL: Duration = Duration::from_secs(1);
/// Failed runs in a row from which on an operator should look: it has failed for some minutes.
const STUCK: u32 = 8;
/// The shortest time between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// What a handler wants to happen to its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is done with: delete it.
    Done,
    /// Run again at this time.
    At(OffsetDateTime),
}

/// The row that a handler runs for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// What was given to [`crate::schedule`].
    pub subject: Uuid,
    /// When it was to happen; earlier than now by the runner's lateness and by failed runs.
    pub due_at: OffsetDateTime,
    /// Failed runs since it was scheduled.
    pub attempts: u32,
}

/// What one look at the table came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tick {
    /// Rows taken.
    pub taken: usize,
    /// Handlers whose transaction was committed.
    pub ran: usize,
    /// Handlers that failed; their rows wait for the next try.
    pub failed: usize,
    /// Runs given up because somebody else has the row, or changed it meanwhile.
    pub fenced: usize,
    /// Whether a whole batch of a kind was taken, so that more is likely to wait.
    pub more: bool,
}

type BoxError = Box<dyn StdError + Send + Sync>;
type Handler = Arc<dyn for<'t> Fn(&'t mut Tx, Row) -> BoxFuture<'t, Result<Next, Failure>> + Send + Sync>;

/// Takes rows whose time has come and runs their handlers, each in a transaction of the app role for the row's
/// tenant, in which the row is settled too.
#[derive(Clone)]
pub struct Runner {
    db: Db,
    clock: Clock,
    handlers: BTreeMap<&'static str, Handler>,
    kinds: Vec<String>,
    metrics: Metrics,
}

impl Runner {
    /// A runner without handlers.
    #[must_use]
    pub fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock, handlers: BTreeMap::new(), kinds: Vec::new(), metrics: Metrics::new() }
    }

    /// Has `handler` run for rows of `kind`. Rows of kinds without a handler are left for a release that has one.
    ///
    /// A handler may run more than once for one schedule, though it commits once: its effects belong into the
    /// transaction. An `Err` rolls back, and it runs again after 2 s, doubling to 15 minutes, without end.
    #[must_use]
    pub fn on<E, F>(mut self, kind: &'static str, handler: F) -> Self
    where
        F: for<'t> Fn(&'t mut Tx, Row) -> BoxFuture<'t, Result<Next, E>> + Send + Sync + 'static,
        E: Into<BoxError> + 'static,
    {
        let handler = Arc::new(handler);
        let erased: Handler = Arc::new(move |tx, row| {
            let handler = handler.clone();
            Box::pin(async move { handler(tx, row).await.map_err(|error| Failure(error.into())) })
        });
        if self.handlers.insert(kind, erased).is_none() {
            self.kinds.push(kind.to_owned());
        }
        self
    }

    /// Runs until `shutdown`, then finishes what it has taken. Looks every second and when something was scheduled
    /// through the same [`Db`].
    pub async fn run(self, shutdown: CancellationToken) {
        let woken = self.db.waker(WAKER);
        loop {
            match self.tick().await {
                Ok(tick) if tick.more && !shutdown.is_cancelled() => continue,
                Ok(_) => {}
                Err(error) => tracing::warn!(error = &error as &dyn StdError, "cannot take due rows"),
            }
            let wait = async {
                tokio::time::sleep(PAUSE).await;
                let _ = tokio::time::timeout(POLL.saturating_sub(PAUSE), woken.notified()).await;
            };
            if shutdown.run_until_cancelled(wait).await.is_none() {
                return;
            }
        }
    }

    /// Looks once: takes at most 50 rows of each kind and runs their handlers, four at a time.
    ///
    /// # Errors
    /// When no rows can be taken. What a handler returns is logged and counted.
    pub async fn tick(&self) -> Result<Tick, pg::Error> {
        let (kinds, now) = (self.kinds.clone(), self.clock.now());
        let taken = self
            .db
            .system(move |tx| Box::pin(async move { store::take(tx, &kinds, now, now + LEASE, BATCH).await }))
            .await?;
        let mut tick = Tick { taken: taken.len(), ..Tick::default() };
        let mut by_kind = BTreeMap::<&str, i64>::new();
        for row in &taken {
            *by_kind.entry(&row.kind).or_default() += 1;
        }
        tick.more = by_kind.values().any(|rows| *rows >= BATCH);
        let mut runs =
            futures::stream::iter(taken).map(|row| self.row(row, now)).buffer_unordered(CONCURRENCY);
        while let Some(outcome) = runs.next().await {
            match outcome {
                Outcome::Ran => tick.ran += 1,
                Outcome::Failed | Outcome::Stuck => tick.failed += 1,
                Outcome::Fenced => tick.fenced += 1,
            }
        }
        Ok(tick)
    }

    async fn row(&self, taken: Taken, now: OffsetDateTime) -> Outcome {
        let Some((kind, handler)) = self.handlers.get_key_value(taken.kind.as_str()) else {
            return Outcome::Fenced;
        };
        if taken.attempts == 0 {
            self.metrics.late(kind, now - taken.due_at);
        }
        let span =
            tracing::info_span!("due", due.kind = kind, due.subject = %taken.subject, tenant = %taken.tenant);
        let outcome = self.run_handler(kind, handler.clone(), &taken).instrument(span).await;
        self.metrics.ran(kind, outcome.name());
        outcome
    }

    async fn run_handler(&self, kind: &'static str, handler: Handler, taken: &Taken) -> Outcome {
        let row = Row { subject: taken.subject, due_at: taken.due_at, attempts: taken.attempts };
        let claim = taken.claim;
        let unit = self.db.tenant(&taken.tenant, move |tx| Box::pin(handle(tx, kind, row, claim, handler)));
        // A handler's panic ends its transaction, not the runner.
        let error = match AssertUnwindSafe(unit).catch_unwind().await {
            Ok(Ok(())) => return Outcome::Ran,
            Ok(Err(Failure(error))) => error,
            Err(_) => "the handler panicked".into(),
        };
        if is_fenced(&*error) {
            tracing::info!("due row was taken over or changed, run given up");
            return Outcome::Fenced;
        }
        let attempts = taken.attempts.saturating_add(1);
        let wait = backoff::wait(taken.subject, attempts);
        let outcome = Outcome::of_failure(attempts);
        outcome.log(&*error, attempts, wait);
        self.give_back(taken, self.clock.now() + wait).await;
        outcome
    }

    async fn give_back(&self, taken: &Taken, at: OffsetDateTime) {
        let failed = taken.clone();
        let noted =
            self.db.system(move |tx| Box::pin(async move { store::fail(tx, &failed, at).await })).await;
        if let Err(error) = noted {
            tracing::warn!(error = &error as &dyn StdError, "failed run not noted, the lease will end");
        }
    }
}

/// One run, in its transaction.
async fn handle(
    tx: &mut Tx,
    kind: &'static str,
    row: Row,
    claim: Uuid,
    handler: Handler,
) -> Result<(), Failure> {
    let tenant = tx.tenant().clone();
    // The batch may have taken longer than the lease: look before working for nothing.
    fence(store::is_claimed(tx, &tenant, kind, row.subject, claim).await?)?;
    tx.note::<Running>().0 = Some(Claimed { kind, subject: row.subject, claim });
    let next = handler(tx, row).await?;
    // The fence proper: whoever else took or changed the row did so by a commit that is seen here.
    let Some(claim) = tx.note::<Running>().settle(kind, row.subject) else { return Ok(()) };
    fence(match next {
        Next::Done => store::delete_claimed(tx, &tenant, kind, row.subject, claim).await?,
        Next::At(at) => store::reschedule_claimed(tx, &tenant, kind, row.subject, claim, at).await?,
    })?;
    Ok(())
}

/// Noted in a handler's transaction: the row it runs for, until it is settled.
#[derive(Debug, Default)]
pub(crate) struct Running(Option<Claimed>);

#[derive(Debug)]
struct Claimed {
    kind: &'static str,
    subject: Uuid,
    claim: Uuid,
}

impl Running {
    /// The claim to check, if this transaction is the row's handler and has not settled the row yet.
    pub(crate) fn settle(&mut self, kind: &str, subject: Uuid) -> Option<Uuid> {
        let claimed = self.0.take_if(|claimed| claimed.kind == kind && claimed.subject == subject)?;
        Some(claimed.claim)
    }
}

/// Handlers return their own error types; the fence's may be inside.
fn is_fenced(error: &(dyn StdError + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    causes.any(|cause| matches!(cause.downcast_ref::<pg::Error>(), Some(pg::Error::Fenced)))
}

/// Why a run was rolled back.
struct Failure(BoxError);

impl From<pg::Error> for Failure {
    fn from(error: pg::Error) -> Self {
        Self(error.into())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Ran,
    Failed,
    /// Failed, as so often before.
    Stuck,
    Fenced,
}

impl Outcome {
    fn of_failure(attempts: u32) -> Self {
        if attempts >= STUCK { Self::Stuck } else { Self::Failed }
    }

    fn log(self, error: &(dyn StdError + 'static), attempts: u32, wait: Duration) {
        let seconds = wait.as_secs();
        if self == Self::Stuck {
            tracing::error!(
                error,
                due.attempts = attempts,
                due.retry_seconds = seconds,
                "due handler keeps failing"
            );
        } else {
            tracing::warn!(error, due.attempts = attempts, due.retry_seconds = seconds, "due handler failed");
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Ran => "ran",
            Self::Failed => "failed",
            Self::Stuck => "stuck",
            Self::Fenced => "fenced",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_fails_again_and_again_is_told_apart() {
        let names: Vec<_> =
            [1, STUCK - 1, STUCK, u32::MAX].map(|failures| Outcome::of_failure(failures).name()).into();
        assert_eq!(names, ["failed", "failed", "stuck", "stuck"]);
        let minutes: Duration = (1..STUCK).map(|failures| backoff::wait(Uuid::nil(), failures)).sum();
        assert!((Duration::from_secs(180)..Duration::from_secs(600)).contains(&minutes), "{minutes:?}");
    }
}
