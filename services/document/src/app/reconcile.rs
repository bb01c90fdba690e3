//! Comparing what the database says with what the object store keeps, and mending what can be mended.
//!
//! A pass walks over the versions that can be read, over everything in the buckets of evidence, of its replica and of
//! uploads, and over the uploads in parts that are open. It goes in small batches, keeps its place, and has one replica at work at a time. Nothing is made up:
//! bytes that are gone are told of, and what nobody wants is deleted once it is older than the horizon and the row, locked
//! and read again, still does not want it.
//!
//! Such a check stays true after the lock is gone: what a version has no use for it never uses again
//! ([`Status::wants`](crate::domain::Status::wants)), and a row that is absent although its object is there never comes:
//! rows are written first.

mod objects;
mod report;
mod turn;
mod versions;

pub use report::{Finding, Outcome, Report, Tally};

use std::fmt::Display;

use blobs::Bucket;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::config::Reconcile;
use crate::db::reconciliation::{Owner, Pass};
use crate::domain::Status;
use crate::{Error, State, db};
use report::{Metrics, Seen};
use turn::Turn;

/// Rows of one batch.
const ROWS: i64 = 100;
/// Versions of objects of one batch, about.
const OBJECTS: u16 = 200;
/// Rows or objects looked at at once.
const AT_ONCE: usize = 4;
/// How often a loop that has nothing to do looks whether it has, at the most.
const IDLE: std::time::Duration = std::time::Duration::from_secs(60);

/// Whether to mend what can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Mend it.
    Heal,
    /// Only tell.
    Look,
}

/// Walks over rows and objects. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reconciler {
    state: State,
    settings: Reconcile,
    metrics: Metrics,
}

/// What a pass walks over, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Versions,
    Evidence,
    Replica,
    Intake,
    Uploads,
}

/// How far a pass is.
#[derive(Debug, Clone)]
struct Walk {
    started_at: OffsetDateTime,
    /// Where to go on, after what; `None` at the end.
    place: Option<(Stage, Option<String>)>,
    report: Report,
}

impl Reconciler {
    /// A reconciler over these.
    #[must_use]
    pub fn new(state: State, settings: Reconcile) -> Self {
        Self { state, settings, metrics: Metrics::new() }
    }

    /// Makes a pass every so often, until `shutdown`. A pass that was cut short is gone on with, by whoever is next.
    pub async fn run(self, shutdown: CancellationToken) {
        let Some(every) = self.settings.every else { return shutdown.cancelled().await };
        let idle = every.unsigned_abs().min(IDLE).max(self.settings.pause);
        let mut session = None;
        loop {
            let work = async {
                let pause = match self.step(every, &mut session).await {
                    Ok(true) => self.settings.pause,
                    Ok(false) => idle,
                    Err(error) => {
                        session = None;
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(error, "cannot reconcile now, will go on later");
                        idle
                    }
                };
                tokio::time::sleep(pause).await;
            };
            if shutdown.run_until_cancelled(work).await.is_none() {
                return;
            }
        }
    }

    /// One batch, if a pass is due and nobody else is at it. Says whether there was anything to do. The session is there
    /// while a pass is due.
    async fn step(&self, every: time::Duration, session: &mut Option<Turn>) -> Result<bool, Error> {
        let found = self.found().await?;
        let now = self.state.clock.now();
        if found.is_some_and(|pass| pass.finished_at.is_some() && now < pass.started_at + every) {
            if let Some(turn) = session.take() {
                turn.end().await;
            }
            return Ok(false);
        }
        let turn = match session {
            Some(turn) => turn,
            None => session.insert(Turn::connect(&self.state.db).await?),
        };
        if !turn.take().await? {
            return Ok(false);
        }
        // Read again: another may have gone on before this was its turn.
        let mut walk = match self.found().await? {
            Some(pass) if pass.finished_at.is_none() => Walk::of(pass)?,
            Some(pass) if now < pass.started_at + every => {
                turn.give_back().await?;
                return Ok(false);
            }
            _ => Walk::new(now),
        };
        self.batch(&mut walk, Mode::Heal).await?;
        self.keep(&walk).await?;
        turn.give_back().await?;
        Ok(true)
    }

    /// Makes one whole pass now, without pauses, instead of one that is under way; `None` where another process does not
    /// let it. One that only looks leaves no trace.
    ///
    /// # Errors
    /// When the database or the store is away; the pass is gone on with by the next.
    pub async fn pass(&self, mode: Mode) -> Result<Option<Report>, Error> {
        let mut turn = Turn::connect(&self.state.db).await?;
        if !turn.wait().await? {
            return Ok(None);
        }
        let mut walk = Walk::new(self.state.clock.now());
        while walk.place.is_some() {
            turn.still_ours().await?;
            self.batch(&mut walk, mode).await?;
            if mode == Mode::Heal {
                self.keep(&walk).await?;
            }
        }
        turn.end().await;
        Ok(Some(walk.report))
    }

    /// Looks at what comes next and moves on.
    async fn batch(&self, walk: &mut Walk, mode: Mode) -> Result<(), Error> {
        let Some((stage, after)) = walk.place.take() else { return Ok(()) };
        let (last, seen) = match stage {
            Stage::Versions => self.versions(after.as_deref(), mode).await?,
            Stage::Evidence => self.objects(Bucket::Evidence, after.as_deref(), mode).await?,
            Stage::Replica if !self.state.blobs.has_replica() => (None, Vec::new()),
            Stage::Replica => self.objects(Bucket::Replica, after.as_deref(), mode).await?,
            Stage::Intake => self.objects(Bucket::Intake, after.as_deref(), mode).await?,
            Stage::Uploads => (None, self.uploads(mode).await?),
        };
        failpoint::pass("reconcile::looked");
        for seen in seen {
            self.metrics.count(&seen);
            walk.report.add(&seen);
        }
        walk.place = match last {
            Some(last) => Some((stage, Some(last))),
            None => stage.next().map(|stage| (stage, None)),
        };
        if walk.place.is_none() {
            self.metrics.finished(&walk.report);
            let report = &walk.report;
            tracing::info!(found = report.found(), remains = report.remains(), "reconciled");
        }
        Ok(())
    }

    async fn versions(&self, after: Option<&str>, mode: Mode) -> Result<(Option<String>, Vec<Seen>), Error> {
        let after: Option<Uuid> = after.and_then(|after| after.parse().ok());
        let owners = self.system(move |tx| Box::pin(db::reconciliation::versions(tx, after, ROWS))).await?;
        let last = owners.last().map(|owner| owner.id.to_string());
        let kept = |owner: &Owner| matches!(owner.status, Status::Ready | Status::Quarantined);
        let seen = self.each(owners.into_iter().filter(kept), move |owner| async move {
            let seen = versions::look(self, &owner, mode).await;
            self.asked(&owner.id, seen).await
        });
        Ok((last, seen.await?))
    }

    async fn objects(
        &self,
        bucket: Bucket,
        after: Option<&str>,
        mode: Mode,
    ) -> Result<(Option<String>, Vec<Seen>), Error> {
        let kept = self.state.blobs.walk(bucket, "", after, OBJECTS).await?;
        let last = kept.last().map(|kept| kept.key.clone());
        let owners = objects::owners(self, kept.iter().map(|kept| kept.key.as_str())).await?;
        let owners = &owners;
        let seen = self.each(kept, move |kept| async move {
            let seen = objects::look(self, bucket, &kept, owners, mode).await;
            self.asked(&kept.key, seen).await
        });
        Ok((last, seen.await?))
    }

    async fn uploads(&self, mode: Mode) -> Result<Vec<Seen>, Error> {
        let mut seen = Vec::new();
        for bucket in [Bucket::Intake, Bucket::Evidence] {
            let open = self.state.blobs.list_uploads(bucket, "").await?;
            for open in open.chunks(usize::from(OBJECTS)) {
                let owners = objects::owners(self, open.iter().map(|open| open.key.as_str())).await?;
                let owners = &owners;
                let of_batch = self.each(open.to_vec(), move |open| async move {
                    let seen = objects::look_at_upload(self, bucket, &open, owners, mode).await;
                    self.asked(&open.key, seen).await
                });
                seen.extend(of_batch.await?);
            }
        }
        Ok(seen)
    }

    /// Looks at several at once.
    async fn each<T, F>(
        &self,
        items: impl IntoIterator<Item = T>,
        look: impl FnMut(T) -> F,
    ) -> Result<Vec<Seen>, Error>
    where
        F: Future<Output = Result<Vec<Seen>, Error>>,
    {
        let seen: Vec<Vec<Seen>> =
            stream::iter(items).map(look).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(seen.into_iter().flatten().collect())
    }

    /// What the store does not say about one object must not stop the walk; a store that is away must.
    async fn asked(
        &self,
        what: &(dyn Display + Sync),
        seen: Result<Vec<Seen>, Error>,
    ) -> Result<Vec<Seen>, Error> {
        match seen {
            Err(error @ (Error::Store(_) | Error::EvidenceMissing)) => {
                self.state.blobs.check().await?;
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, what = %what, "cannot be reconciled, passed over");
                Ok(vec![Seen::of(Finding::Unasked, Outcome::Remains, what)])
            }
            seen => seen,
        }
    }

    /// Something that only the system role may see.
    async fn system<T: Send + 'static>(
        &self,
        read: impl for<'t> FnOnce(&'t mut sqlx::PgConnection) -> pg::BoxFuture<'t, sqlx::Result<T>>
        + Send
        + 'static,
    ) -> Result<T, Error> {
        self.state.db.system(move |tx| Box::pin(async move { Ok::<_, Error>(read(tx).await?) })).await
    }

    async fn found(&self) -> Result<Option<Pass>, Error> {
        self.system(|tx| Box::pin(db::reconciliation::find(tx))).await
    }

    /// Keeps the place, so that whoever is next goes on there.
    async fn keep(&self, walk: &Walk) -> Result<(), Error> {
        let (stage, after) = walk.place.clone().unzip();
        let pass = Pass {
            started_at: walk.started_at,
            stage: stage.map(|stage| stage.name().to_owned()),
            after: after.flatten(),
            report: walk.report.to_json()?,
            finished_at: walk.place.is_none().then(|| self.state.clock.now()),
        };
        self.system(move |tx| Box::pin(async move { db::reconciliation::write(tx, &pass).await })).await?;
        failpoint::pass("reconcile::kept");
        Ok(())
    }

    /// From when on what was stored is too young to be an orphan.
    fn horizon(&self) -> OffsetDateTime {
        self.state.clock.now() - self.settings.horizon
    }
}

impl Stage {
    const ALL: [Self; 5] = [Self::Versions, Self::Evidence, Self::Replica, Self::Intake, Self::Uploads];

    fn name(self) -> &'static str {
        match self {
            Self::Versions => "versions",
            Self::Evidence => "evidence",
            Self::Replica => "replica",
            Self::Intake => "intake",
            Self::Uploads => "uploads",
        }
    }

    fn next(self) -> Option<Self> {
        Self::ALL.into_iter().skip_while(|stage| *stage != self).nth(1)
    }
}

impl Walk {
    fn new(now: OffsetDateTime) -> Self {
        Self { started_at: now, place: Some((Stage::Versions, None)), report: Report::default() }
    }

    /// Goes on where it was; a stage of another release is begun with the first.
    fn of(pass: Pass) -> Result<Self, Error> {
        let stage = pass.stage.and_then(|name| Stage::ALL.into_iter().find(|stage| stage.name() == name));
        let place = stage.map_or((Stage::Versions, None), |stage| (stage, pass.after));
        Ok(Self { started_at: pass.started_at, place: Some(place), report: Report::from_json(pass.report)? })
    }
}
