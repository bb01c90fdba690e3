//! Preview jobs: asking for one, finding it, keeping others from it, and giving it up.

use clock::Clock;
use ids::{JobId, Tenant};
use pg::Tx;
use time::{Duration, OffsetDateTime};

use super::PREVIEW_UNREPORTED;
use crate::db::previews::Preview;
use crate::domain::preview::has_preview;
use crate::domain::{Document, PreviewFailure, PreviewState, Version, Viewer};
use crate::events::Work;
use crate::{Error, db, events};

/// How long a claim keeps others away, and how long it takes until a job is sent again for the first time.
pub(super) const LEASE: Duration = Duration::minutes(5);
/// The longest wait until a job is sent again; before, each is twice the one before.
const LONGEST_WAIT: Duration = Duration::DAY;
/// How often a job is sent at most: over some five days.
const MAX_SENT: i32 = 12;
/// How often it can be taken: a file at which whole workers die is left alone.
const MAX_CLAIMS: i32 = 5;

impl Preview {
    /// Whether everything was tried.
    pub(super) fn is_hopeless(&self) -> bool {
        self.claims >= MAX_CLAIMS || self.sent >= MAX_SENT
    }

    /// How long to wait for an outcome after the message was sent once more.
    pub(super) fn wait(&self) -> Duration {
        (0..self.sent).fold(LEASE, |wait: Duration, _| LONGEST_WAIT.min(wait + wait))
    }
}

/// Asks for a preview of a version that has just become ready, where files of its type have any: the row, the message, and
/// the reminder that sends it again.
pub(super) async fn ask(tx: &mut Tx, clock: &Clock, document: &Document) -> Result<(), Error> {
    if document.detected().is_some_and(has_preview) {
        let job = ask_later(tx, clock, document, clock.now() + LEASE).await?;
        events::append_job(tx, clock, Work::Preview, document, job).await?;
    }
    Ok(())
}

/// Asks for a preview of a ready version without a message: the reminder sends the first one then.
pub(super) async fn ask_later(
    tx: &mut Tx,
    clock: &Clock,
    document: &Document,
    at: OffsetDateTime,
) -> Result<JobId, Error> {
    let job = JobId::mint(clock);
    let (tenant, id, version) = (&document.tenant, document.id, document.version);
    db::previews::insert(tx, tenant, job, id, version, clock.now()).await?;
    due::schedule(tx, PREVIEW_UNREPORTED, job.into(), at).await?;
    Ok(job)
}

/// Whether nobody has ever asked for the preview of a version that is to have one.
pub(super) async fn is_owed(tx: &mut Tx, document: &Document) -> Result<bool, Error> {
    if !document.detected().is_some_and(has_preview) {
        return Ok(false);
    }
    Ok(db::previews::of_version(tx, &document.tenant, document.id, document.version).await?.is_none())
}

/// The preview of a version that is erased comes to nothing; its objects are deleted with the version's.
pub(super) async fn stop(tx: &mut Tx, document: &Document, now: OffsetDateTime) -> Result<(), Error> {
    let (tenant, id, version) = (&document.tenant, document.id, document.version);
    if let Some(preview) = db::previews::of_version(tx, tenant, id, version).await? {
        db::previews::forget_objects(tx, tenant, id, version).await?;
        db::previews::fail(tx, tenant, preview.id, PreviewFailure::Erased, now).await?;
        due::cancel(tx, PREVIEW_UNREPORTED, preview.id.into()).await?;
    }
    Ok(())
}

/// Reads a job and the document as its version shows it.
pub(super) async fn find(tx: &mut Tx, tenant: &Tenant, id: JobId) -> Result<(Document, Preview), Error> {
    let preview = db::previews::find(tx, tenant, id).await?.ok_or(Error::JobNotFound)?;
    let document = db::documents::find(tx, tenant, &Viewer::Office, preview.document_id, version(&preview)?);
    Ok((document.await?.ok_or(Error::JobNotFound)?, preview))
}

/// Locks a job by its document's row, and reads both as they are under the lock.
pub(super) async fn lock(tx: &mut Tx, tenant: &Tenant, id: JobId) -> Result<(Document, Preview), Error> {
    let preview = db::previews::find(tx, tenant, id).await?.ok_or(Error::JobNotFound)?;
    let document = db::documents::lock(tx, tenant, &Viewer::Office, preview.document_id, version(&preview)?);
    let document = document.await?.ok_or(Error::JobNotFound)?;
    // Read again: what was read before the lock may have been changed by whoever held it.
    let preview = db::previews::find(tx, tenant, id).await?.ok_or(Error::JobNotFound)?;
    Ok((document, preview))
}

/// Whether there is an outcome.
pub(super) fn is_finished(preview: &Preview) -> bool {
    preview.state != PreviewState::Pending
}

fn version(preview: &Preview) -> Result<Option<Version>, Error> {
    preview.version.try_into().map(Some).map_err(|_| Error::JobNotFound)
}
