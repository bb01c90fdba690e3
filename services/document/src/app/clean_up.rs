//! What the object store is asked to do after a commit: deleting what is not to be kept, locking what is.
//!
//! The store is not asked inside of the runner's transaction: there the version is only handed to a task, and its row
//! moved on to when it would be tried again. The task does the chore, then settles the row. Whatever fails or dies in
//! between leaves the row, and is done again.

use blobs::{Blobs, Bucket};
use due::Next;
use futures::StreamExt as _;
use ids::{Tenant, VersionId};
use time::{Duration, OffsetDateTime};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::{EVIDENCE_CLEANUP, INTAKE_CLEANUP, OBJECT_LOCKS, object_locks, parts, subject_erasure};
use crate::domain::document::UPLOAD_SIGNATURE;
use crate::domain::{Document, Status};
use crate::{Error, State, db};

/// How long after a try the next one is made, if the row is still there.
const RETRY: Duration = Duration::minutes(1);
/// The same where too many wait already.
const CROWDED: Duration = Duration::seconds(5);
/// Versions waiting for the task.
const WAITING: usize = 200;
/// Chores at once.
const AT_ONCE: usize = 4;
/// How long after an erasure a worker that had begun before may still copy: a scanner, or who draws a preview or fills the
/// replica. No lease is longer.
const LATE_COPY: Duration = Duration::hours(1);

/// What is to be done about a version's objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chore {
    /// Delete the upload of a version that no scan has to read any longer.
    DeleteIntake,
    /// Delete whatever there is of a version that was erased, or refused, first of all the evidence.
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
    let Some(version) = to_delete(state, chore, tenant, id).await? else { return Ok(()) };
    failpoint::pass("cleanup::taken");
    // Whatever is put back after this is looked for once more, however long the deleting takes.
    let now = state.clock.now();
    let late = match chore {
        Chore::DeleteEvidence => {
            delete_objects(state, &version).await?;
            LATE_COPY
        }
        _ => {
            delete_intake(state, &version).await?;
            UPLOAD_SIGNATURE
        }
    };

    failpoint::pass("cleanup::deleted");
    let clock = state.clock.clone();
    let settled = state
        .db
        .tenant(tenant, move |tx| {
            Box::pin(async move {
                // Under the lock that whoever erases needs: what they schedule comes before this or after it.
                let locked = db::documents::lock_version(tx, &version.tenant, id).await?;
                let until = locked.ok_or(Error::DocumentNotFound)?.updated_at + late;
                if chore == Chore::DeleteEvidence
                    && db::documents::set_objects_gone(tx, &version.tenant, id, now).await?
                {
                    subject_erasure::look_again(tx, &clock, &version.owner).await?;
                }
                if now < until {
                    due::schedule(tx, chore.kind(), id.into(), until).await?;
                } else {
                    due::cancel(tx, chore.kind(), id.into()).await?;
                }
                Ok::<_, Error>(())
            })
        })
        .await;
    failpoint::pass("cleanup::settled");
    settled
}

/// The version, unless it was refused and is held: what is left of that waits until nobody holds it any longer.
async fn to_delete(
    state: &State,
    chore: Chore,
    tenant: &Tenant,
    id: VersionId,
) -> Result<Option<Document>, Error> {
    let of = tenant.clone();
    state
        .db
        .tenant(tenant, move |tx| {
            Box::pin(async move {
                let locked = db::documents::lock_version(tx, &of, id).await?;
                // Only versions that were declared are scheduled.
                let version = locked.ok_or(Error::DocumentNotFound)?;
                if version.lifecycle.status() == Status::Rejected {
                    let standing = db::legal_holds::standing(tx, &of, version.id).await?;
                    if standing.iter().any(|hold| hold.covers(version.version)) {
                        due::cancel(tx, chore.kind(), id.into()).await?;
                        return Ok(None);
                    }
                }
                Ok::<_, Error>(Some(version))
            })
        })
        .await
}

/// Deletes whatever there is of an erased version.
pub(super) async fn delete_objects(state: &State, version: &Document) -> Result<(), Error> {
    delete_evidence(state, version).await?;
    failpoint::pass("erase::deleted_evidence");
    delete_intake(state, version).await
}

async fn delete_intake(state: &State, version: &Document) -> Result<(), Error> {
    if version.lifecycle.status().needs_intake() {
        return Err(Error::DocumentNotFound);
    }
    parts::abort_all(state, version).await?;
    Ok(state.blobs.delete(Bucket::Intake, &version.intake_key()).await?)
}

/// Deletes every stored version of the evidence, of its preview and of its replica.
async fn delete_evidence(state: &State, version: &Document) -> Result<(), Error> {
    if !matches!(version.lifecycle.status(), Status::Erased | Status::Rejected) {
        return Err(Error::DocumentNotFound);
    }
    let (blobs, key) = (&state.blobs, version.evidence_key());
    delete_key(blobs, Bucket::Evidence, &key).await?;
    blobs.delete_under(Bucket::Evidence, &version.preview_prefix()).await?;
    failpoint::pass("cleanup::deleted_preview");
    if blobs.has_replica() {
        delete_key(blobs, Bucket::Replica, &key).await?;
    }
    Ok(())
}

/// Deletes every stored version of a key. What the database has erased or refused nothing keeps any longer: a hold that the
/// store still knows is one that was released.
async fn delete_key(blobs: &Blobs, bucket: Bucket, key: &str) -> Result<(), Error> {
    for kept in blobs.delete_all(bucket, key, true).await? {
        blobs.legal_hold(bucket, key, &kept.id, false).await?;
        failpoint::pass("cleanup::unheld");
        blobs.delete_version(bucket, key, &kept.id, true).await?;
    }
    Ok(())
}
