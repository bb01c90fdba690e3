//! Erasing versions: who may, and what happens to them.

use clock::Clock;
use due::{cancel, schedule};
use pg::Tx;
use time::OffsetDateTime;

use super::{
    EVIDENCE_CLEANUP, INTAKE_CLEANUP, INTEGRITY, OBJECT_LOCKS, RETENTION, SCAN_UNREPORTED, UPLOAD_EXPIRY,
    exports, preview_job, subject_erasure,
};
use crate::domain::{Document, Hold, Lifecycle};
use crate::{Error, db, events};

/// Why something is erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Its owner or staff asked for it.
    Asked,
    /// It was kept for as long as its class says.
    RetentionEnded,
    /// Whatever concerns its owner is erased.
    SubjectErased,
}

/// Why something is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// A hold stands.
    Held,
    /// Its retention ends then.
    Until(OffsetDateTime),
}

/// Whether anything keeps a version.
pub(super) fn kept(version: &Document, standing: &[Hold], now: OffsetDateTime) -> Option<Kept> {
    if standing.iter().any(|hold| hold.covers(version.version)) {
        return Some(Kept::Held);
    }
    version.retain_until.filter(|until| now < *until).map(Kept::Until)
}

/// Erases versions of a document that is locked: the rows lose the name, the objects are deleted after the commit, and
/// whatever was scheduled for them is forgotten. `all` are all versions of the document, as they are under the lock;
/// those that `erase` picks and that are not erased yet go. Returns all as they are now.
pub(super) async fn erase(
    tx: &mut Tx,
    clock: &Clock,
    all: Vec<Document>,
    pick: impl Fn(&Document) -> bool + Send,
    cause: Cause,
) -> Result<Vec<Document>, Error> {
    let now = clock.now();
    let (mut after, mut erased) = (Vec::with_capacity(all.len()), Vec::new());
    for version in all {
        if version.lifecycle == Lifecycle::Erased || !pick(&version) {
            after.push(version);
            continue;
        }
        stop_scan(tx, &version, now).await?;
        preview_job::stop(tx, &version, now).await?;
        let version = version.erase(now)?;
        db::documents::update(tx, &version).await?;
        let id = version.version_id.into();
        for kind in [UPLOAD_EXPIRY, RETENTION, OBJECT_LOCKS, INTEGRITY] {
            cancel(tx, kind, id).await?;
        }
        for kind in [INTAKE_CLEANUP, EVIDENCE_CLEANUP] {
            schedule(tx, kind, id, now).await?;
        }
        erased.push(version.version.number());
        after.push(version);
    }
    let whole = after.iter().all(|version| version.lifecycle == Lifecycle::Erased);
    if let Some(document) = after.first().filter(|_| !erased.is_empty()) {
        if whole {
            db::documents::set_erased(tx, &document.tenant, document.id, now).await?;
        }
        erased.sort_unstable();
        exports::erase_with(tx, document.id, &erased, now).await?;
        events::append_erased(tx, clock, document, erased, whole, cause).await?;
        subject_erasure::look_again(tx, clock, &document.owner).await?;
    }
    Ok(after)
}

/// A scan that is asked for or under way comes to nothing.
async fn stop_scan(tx: &mut Tx, version: &Document, now: OffsetDateTime) -> Result<(), Error> {
    if !matches!(version.lifecycle, Lifecycle::Uploaded | Lifecycle::Scanning) {
        return Ok(());
    }
    let (tenant, document) = (&version.tenant, version.id);
    if let Some(job) = db::scan_jobs::of_version(tx, tenant, document, version.version).await? {
        db::scan_jobs::report(tx, tenant, job.id, now).await?;
        cancel(tx, SCAN_UNREPORTED, job.id.into()).await?;
    }
    Ok(())
}
