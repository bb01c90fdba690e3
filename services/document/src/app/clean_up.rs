//! Deleting the uploaded object of a settled version.
//!
//! The store is not asked inside of the runner's transaction: there the version is only handed to a task, and its
//! row moved on to when it would be tried again. The task deletes the object, then the row. Whatever fails or dies in
//! between leaves the row, and is done again.

use blobs::Bucket;
use due::Next;
use futures::StreamExt as _;
use ids::{Tenant, VersionId};
use time::{Duration, OffsetDateTime};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::INTAKE_CLEANUP;
use crate::domain::document::UPLOAD_SIGNATURE;
use crate::{Error, State, db};

/// How long after a try the next one is made, if the row is still there.
const RETRY: Duration = Duration::minutes(1);
/// The same where too many wait already.
const CROWDED: Duration = Duration::seconds(5);
/// Objects waiting for the task.
const WAITING: usize = 200;
/// Objects being deleted at once.
const AT_ONCE: usize = 4;

/// Hands versions to the task that deletes their uploaded objects. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Cleaner(mpsc::Sender<(Tenant, VersionId)>);

/// The task behind a [`Cleaner`].
#[derive(Debug)]
pub struct Cleaning(mpsc::Receiver<(Tenant, VersionId)>);

impl Cleaner {
    /// A cleaner and its task, which is to be run.
    #[must_use]
    pub fn new() -> (Self, Cleaning) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), Cleaning(receiver))
    }

    /// Hands over a settled version. Says when to hand it over again, unless its row is gone by then.
    #[must_use]
    pub fn clean_up(&self, tenant: &Tenant, id: VersionId, now: OffsetDateTime) -> Next {
        match self.0.try_send((tenant.clone(), id)) {
            Ok(()) => Next::At(now + RETRY),
            Err(_) => Next::At(now + CROWDED),
        }
    }
}

impl Cleaning {
    /// Deletes what is handed over, until `shutdown`.
    pub async fn run(self, state: State, shutdown: CancellationToken) {
        let handed_over = ReceiverStream::new(self.0).take_until(shutdown.cancelled());
        handed_over
            .for_each_concurrent(AT_ONCE, |(tenant, id)| {
                let state = state.clone();
                async move {
                    if let Err(error) = delete(&state, &tenant, id).await {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(%tenant, version.id = %id, error, "uploaded object not deleted, will retry");
                    }
                }
            })
            .await;
    }
}

/// Deletes the object, twice: a signature handed out before the verdict can put it back until it ends.
async fn delete(state: &State, tenant: &Tenant, id: VersionId) -> Result<(), Error> {
    let of = tenant.clone();
    let found = state
        .db
        .tenant(tenant, move |tx| {
            Box::pin(async move { Ok::<_, Error>(db::documents::find_version(tx, &of, id).await?) })
        })
        .await?;
    let Some(document) = found.filter(|document| document.lifecycle.status().is_settled()) else {
        // Only settled versions are scheduled.
        return Err(Error::DocumentNotFound);
    };

    state.blobs.delete(Bucket::Intake, &document.intake_key()).await?;

    let (now, last_signature_ends) = (state.clock.now(), document.updated_at + UPLOAD_SIGNATURE);
    state
        .db
        .tenant(tenant, move |tx| {
            Box::pin(async move {
                if now < last_signature_ends {
                    due::schedule(tx, INTAKE_CLEANUP, id.into(), last_signature_ends).await?;
                } else {
                    due::cancel(tx, INTAKE_CLEANUP, id.into()).await?;
                }
                Ok::<_, Error>(())
            })
        })
        .await
}
