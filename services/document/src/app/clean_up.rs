//! What the object store is asked to do after a commit: deleting what is not to be kept, locking what is.
//!
//! The store is not asked inside of the runner's transaction: there the version is only handed to a task, and its row
//! moved on to when it would be tried again. The task does the chore, then settles the row. Whatever fails or dies in
//! between leaves the row, and is done again.

use blobs::Bucket;
use due::Next;
use futures::StreamExt as _;
use ids::{Tenant, VersionId};
use time::{Duration, OffsetDateTime};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::{EVIDENCE_CLEANUP, INTAKE_CLEANUP, OBJECT_LOCKS, object_locks};
use crate::domain::document::UPLOAD_SIGNATURE;
use crate::domain::{Document, Lifecycle};
use crate::{Error, State, db};

/// How long after a try the next one is made, if the row is still there.
const RETRY: Duration = Duration::minutes(1);
/// The same where too many wait already.
const CROWDED: Duration = Duration::seconds(5);
/// Versions waiting for the task.
const WAITING: usize = 200;
/// Chores at once.
const AT_ONCE: usize = 4;
/// How long after an erasure a scanner that had begun before may still copy.
const LATE_COPY: Duration = Duration::hours(1);

/// What is to be done about a version's objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chore {
    /// Delete the upload of a settled version.
    DeleteIntake,
    /// Delete the evidence of an erased version.
    DeleteEvidence,
    /// Make the locks on the evidence those that the database asks for.
    Lock,
}

/// Hands versions to the task that does the chores. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Cleaner(mpsc::Sender<(Chore, Tenant, VersionId)>);

/// The task behind a [`Cleaner`].
#[derive(Debug)]
pub struct Cleaning(mpsc::Receiver<(Chore, Tenant, VersionId)>);

impl Chore {
    /// Every chore.
    pub const ALL: [Self; 3] = [Self::DeleteIntake, Self::DeleteEvidence, Self::Lock];

    /// The kind of its due rows.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::DeleteIntake => INTAKE_CLEANUP,
            Self::DeleteEvidence => EVIDENCE_CLEANUP,
            Self::Lock => OBJECT_LOCKS,
        }
    }
}

impl Cleaner {
    /// A cleaner and its task, which is to be run.
    #[must_use]
    pub fn new() -> (Self, Cleaning) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), Cleaning(receiver))
    }

    /// Hands over a version. Says when to hand it over again, unless its row is gone by then.
    #[must_use]
    pub fn hand_over(&self, chore: Chore, tenant: &Tenant, id: VersionId, now: OffsetDateTime) -> Next {
        match self.0.try_send((chore, tenant.clone(), id)) {
            Ok(()) => Next::At(now + RETRY),
            Err(_) => Next::At(now + CROWDED),
        }
    }
}

impl Cleaning {
    /// Does what is handed over, until `shutdown`.
    pub async fn run(self, state: State, shutdown: CancellationToken) {
        let handed_over = ReceiverStream::new(self.0).take_until(shutdown.cancelled());
        handed_over
            .for_each_concurrent(AT_ONCE, |(chore, tenant, id)| {
                let state = state.clone();
                async move {
                    let done = match chore {
                        Chore::DeleteIntake | Chore::DeleteEvidence => delete(&state, chore, &tenant, id).await,
                        Chore::Lock => object_locks::tell(&state, &tenant, id).await,
                    };
                    if let Err(error) = done {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(%tenant, version.id = %id, chore = chore.kind(), error, "chore failed, will retry");
                    }
                }
            })
            .await;
    }
}

/// Deletes the object now, and once more when nobody can put it back any longer: a signature handed out before can be
/// used until it ends, and a scanner that had begun before goes on.
async fn delete(state: &State, chore: Chore, tenant: &Tenant, id: VersionId) -> Result<(), Error> {
    let of = tenant.clone();
    let found = state
        .db
        .tenant(tenant, move |tx| {
            Box::pin(async move { Ok::<_, Error>(db::documents::find_version(tx, &of, id).await?) })
        })
        .await?;
    // Only settled versions are scheduled.
    let version = found.ok_or(Error::DocumentNotFound)?;
    let until = match chore {
        Chore::DeleteEvidence => {
            delete_evidence(state, &version).await?;
            version.updated_at + LATE_COPY
        }
        _ => {
            delete_intake(state, &version).await?;
            version.updated_at + UPLOAD_SIGNATURE
        }
    };

    let now = state.clock.now();
    state
        .db
        .tenant(tenant, move |tx| {
            Box::pin(async move {
                if now < until {
                    due::schedule(tx, chore.kind(), id.into(), until).await?;
                } else {
                    due::cancel(tx, chore.kind(), id.into()).await?;
                }
                Ok::<_, Error>(())
            })
        })
        .await
}

/// Deletes whatever there is of an erased version.
pub(super) async fn delete_objects(state: &State, version: &Document) -> Result<(), Error> {
    delete_evidence(state, version).await?;
    delete_intake(state, version).await
}

async fn delete_intake(state: &State, version: &Document) -> Result<(), Error> {
    if !version.lifecycle.status().is_settled() {
        return Err(Error::DocumentNotFound);
    }
    Ok(state.blobs.delete(Bucket::Intake, &version.intake_key()).await?)
}

/// Deletes every stored version of the evidence. What the database has erased nothing keeps any longer: a hold that the
/// store still knows is one that was released.
async fn delete_evidence(state: &State, version: &Document) -> Result<(), Error> {
    if version.lifecycle != Lifecycle::Erased {
        return Err(Error::DocumentNotFound);
    }
    let (blobs, key) = (&state.blobs, version.evidence_key());
    for kept in blobs.delete_all(Bucket::Evidence, &key, true).await? {
        blobs.legal_hold(Bucket::Evidence, &key, &kept.id, false).await?;
        blobs.delete_version(Bucket::Evidence, &key, &kept.id, true).await?;
    }
    Ok(())
}
