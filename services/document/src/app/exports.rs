//! Exports of cases, on their way from having been asked for to having been erased.
//!
//! One due row per export drives it, and its state says what comes next: make it, keep it, erase it. Whoever makes it has a
//! lease and a number of its own for the try, which is in the object's key: what somebody makes who was given up spoils
//! nothing, and is deleted with the rest. As the row is there until everything is gone, nothing of an export outlives it.

mod archive;
mod manifest;

use audit::Trail;
use auth::Caller;
use blobs::Bucket;
use due::Next;
use futures::StreamExt as _;
use ids::{DocumentId, ExportId, Subject, Tenant};
use pg::Tx;
use time::{Duration, OffsetDateTime};
use timestamp::Tsa;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::CASE_EXPORT;
use crate::db::case_files::Extent;
use crate::domain::{Archive, Export, ExportFailure, ExportState};
use crate::{Error, State, db, events};

/// How long after a try the next one is made, if the row is still there.
const RETRY: Duration = Duration::minutes(1);
/// How long whoever makes an export has it for themselves without a sign of life.
const LEASE: Duration = Duration::minutes(5);
/// Exports waiting for the task.
const WAITING: usize = 100;
/// Exports made at once by one process. Each needs some ten megabytes for parts, and its manifest.
const AT_ONCE: usize = 2;

/// What an archive holds at most; `docs/errors/CASE_TOO_LARGE.md` says it too.
const DOCUMENTS: i64 = 500;
const VERSIONS: i64 = 2_000;
const BYTES: i64 = 100_000_000_000;
const ACCESSES: i64 = 20_000;
const HOLDS: i64 = 5_000;

/// Who vouches for exports. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Seals {
    /// Whose key signs, and the chain that has the proofs.
    pub trail: Trail,
    /// Whose word there is for the time, if anybody's.
    pub tsa: Option<Tsa>,
}

/// Hands exports to the task that makes and erases them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Exporter(mpsc::Sender<(Tenant, ExportId)>);

/// The task behind an [`Exporter`].
#[derive(Debug)]
pub struct Exporting(mpsc::Receiver<(Tenant, ExportId)>);

impl Exporter {
    /// An exporter and its task, which is to be run.
    #[must_use]
    pub fn new() -> (Self, Exporting) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), Exporting(receiver))
    }

    /// Hands over an export. Says when to hand it over again, unless its row says otherwise by then.
    #[must_use]
    pub fn hand_over(&self, tenant: &Tenant, id: ExportId, now: OffsetDateTime) -> Next {
        if self.0.try_send((tenant.clone(), id)).is_err() {
            tracing::info!(%tenant, export.id = %id, "too many exports wait, will retry");
        }
        Next::At(now + RETRY)
    }
}

impl Exporting {
    /// Does what is handed over, until `shutdown`. What is being made then is made anew by the next.
    pub async fn run(self, state: State, seals: Seals, shutdown: CancellationToken) {
        let handed_over = ReceiverStream::new(self.0).take_until(shutdown.cancelled());
        let work = handed_over.for_each_concurrent(AT_ONCE, |(tenant, id)| {
            let (state, seals) = (state.clone(), seals.clone());
            async move {
                if let Err(error) = advance(&state, &seals, &tenant, id).await {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(%tenant, export.id = %id, error, "export failed, will retry");
                }
            }
        });
        shutdown.run_until_cancelled(work).await;
    }
}

/// What comes next for an export.
enum Step {
    /// Make it, as this try.
    Make(Export),
    /// Delete what there is of it.
    Delete(Export),
    /// Nothing now.
    Wait,
}

async fn advance(state: &State, seals: &Seals, tenant: &Tenant, id: ExportId) -> Result<(), Error> {
    let (of, now) = (tenant.clone(), state.clock.now());
    let step = state.db.tenant(tenant, move |tx| Box::pin(async move { next(tx, &of, id, now).await }));
    match step.await? {
        Step::Make(export) => make(state, seals, &export).await,
        Step::Delete(export) => delete(state, &export).await,
        Step::Wait => Ok(()),
    }
}

async fn next(tx: &mut Tx, tenant: &Tenant, id: ExportId, now: OffsetDateTime) -> Result<Step, Error> {
    let Some(mut export) = db::case_exports::lock(tx, tenant, id).await? else {
        due::cancel(tx, CASE_EXPORT, id.into()).await?;
        return Ok(Step::Wait);
    };
    if export.state != ExportState::Erased && export.kept_until <= now {
        db::case_exports::erase(tx, tenant, id).await?;
        export.state = ExportState::Erased;
    }
    match export.state {
        ExportState::Pending if export.is_leased(now) => Ok(Step::Wait),
        ExportState::Pending => {
            export.attempt = db::case_exports::begin(tx, tenant, id, now + LEASE).await?;
            Ok(Step::Make(export))
        }
        ExportState::Ready(_) | ExportState::Failed(_) => {
            due::schedule(tx, CASE_EXPORT, id.into(), export.kept_until).await?;
            Ok(Step::Wait)
        }
        ExportState::Erased => Ok(Step::Delete(export)),
    }
}

/// Makes an export and says so. What cannot be made says why; what fails for another reason is tried again.
async fn make(state: &State, seals: &Seals, export: &Export) -> Result<(), Error> {
    failpoint::pass("export::taken");
    let made = match delete_objects(state, export, export.attempt - 1).await {
        Ok(()) => archive::make(state, seals, export).await,
        Err(error) => Err(error),
    };
    let failed = match made {
        Ok(archive) => return finish(state, export, archive).await,
        Err(error) => error,
    };
    let clean = delete_objects(state, export, export.attempt).await;
    // Erased meanwhile, or another's.
    if matches!(failed, Error::ExportErased) {
        return clean;
    }
    let failure = failure(&failed);
    if let Some(failure) = failure {
        let error = &failed as &dyn std::error::Error;
        tracing::error!(tenant = %export.tenant, export.id = %export.id, failure = failure.as_str(), error, "export failed");
    }
    let (of, id, attempt, now) = (export.tenant.clone(), export.id, export.attempt, state.clock.now());
    let kept_until = export.kept_until;
    let noted = state.db.tenant(&export.tenant, move |tx| {
        Box::pin(async move {
            match failure {
                Some(failure) if db::case_exports::fail(tx, &of, id, attempt, failure).await? => {
                    due::schedule(tx, CASE_EXPORT, id.into(), kept_until).await?;
                }
                Some(_) => {}
                // The next need not wait for the lease.
                None => drop(db::case_exports::renew(tx, &of, id, attempt, now).await?),
            }
            Ok::<_, Error>(())
        })
    });
    noted.await?;
    match failure {
        Some(_) => clean,
        None => Err(failed),
    }
}

async fn finish(state: &State, export: &Export, archive: Archive) -> Result<(), Error> {
    failpoint::pass("export::stored");
    let (of, clock) = (export.clone(), state.clock.clone());
    let told = state.db.tenant(&export.tenant, move |tx| {
        Box::pin(async move {
            let wanted = db::case_exports::finish(tx, &of.tenant, of.id, of.attempt, &archive).await?;
            if wanted {
                events::append_case_exported(tx, &clock, &of, &archive).await?;
                due::schedule(tx, CASE_EXPORT, of.id.into(), of.kept_until).await?;
            }
            Ok::<_, Error>(wanted)
        })
    });
    if told.await? {
        tracing::info!(tenant = %export.tenant, export.id = %export.id, size_bytes = archive.size_bytes, "case exported");
        return Ok(());
    }
    // Something of it was erased meanwhile, or another try was faster.
    Ok(state.blobs.delete(Bucket::Exports, &export.object_key(export.attempt)).await?)
}

/// Deletes whatever there is of an erased export, and once more when nobody can be making it any longer.
async fn delete(state: &State, export: &Export) -> Result<(), Error> {
    delete_objects(state, export, export.attempt).await?;
    failpoint::pass("export::deleted");
    let (of, now) = (export.clone(), state.clock.now());
    let settled = state.db.tenant(&export.tenant, move |tx| {
        Box::pin(async move {
            match of.leased_until.filter(|until| now < *until) {
                Some(until) => due::schedule(tx, CASE_EXPORT, of.id.into(), until).await?,
                None => {
                    db::case_exports::set_gone(tx, &of.tenant, of.id, now).await?;
                    due::cancel(tx, CASE_EXPORT, of.id.into()).await?;
                }
            }
            Ok::<_, Error>(())
        })
    });
    settled.await
}

/// Deletes what tries up to this one have left.
async fn delete_objects(state: &State, export: &Export, last: i32) -> Result<(), Error> {
    if last < 1 {
        return Ok(());
    }
    for open in state.blobs.list_uploads(Bucket::Exports, &export.prefix()).await? {
        state.blobs.abort(Bucket::Exports, &open.key, &open.id).await?;
    }
    for attempt in 1..=last {
        state.blobs.delete(Bucket::Exports, &export.object_key(attempt)).await?;
    }
    Ok(())
}

/// Why trying again would not help.
fn failure(error: &Error) -> Option<ExportFailure> {
    match error {
        Error::CaseEmpty => Some(ExportFailure::CaseEmpty),
        Error::CaseTooLarge(_) => Some(ExportFailure::CaseTooLarge),
        Error::EvidenceMissing | Error::Store(blobs::Error::Missing(_)) => {
            Some(ExportFailure::EvidenceMissing)
        }
        Error::Audit(audit::Error::Broken(_)) => Some(ExportFailure::AuditBroken),
        _ => None,
    }
}

/// The export that a request names.
pub(super) async fn find_export(state: &State, caller: &Caller, id: &str) -> Result<Export, Error> {
    let id: ExportId = id.parse().map_err(|_| Error::ExportNotFound)?;
    let tenant = caller.tenant.clone();
    let found = state.db.tenant(&caller.tenant, move |tx| {
        Box::pin(async move { Ok::<_, Error>(db::case_exports::find(tx, &tenant, id).await?) })
    });
    found.await?.ok_or(Error::ExportNotFound)
}

/// Whether a case can be exported at once.
pub(super) fn check_extent(extent: &Extent) -> Result<(), Error> {
    if extent.documents == 0 {
        return Err(Error::CaseEmpty);
    }
    for (count, limit, what) in [
        (extent.documents, DOCUMENTS, "500 documents"),
        (extent.versions, VERSIONS, "2,000 versions"),
        (extent.bytes, BYTES, "100 GB of files"),
        (extent.accesses, ACCESSES, "20,000 accesses"),
        (extent.holds, HOLDS, "5,000 holds"),
    ] {
        if count > limit {
            return Err(Error::CaseTooLarge(what));
        }
    }
    Ok(())
}

/// Erases the exports that have bytes of versions which are erased. The document's row is locked.
pub(super) async fn erase_with(
    tx: &mut Tx,
    document: DocumentId,
    versions: &[i32],
    now: OffsetDateTime,
) -> Result<(), Error> {
    let tenant = tx.tenant().clone();
    let found = db::case_exports::of_versions(tx, &tenant, document, versions).await?;
    erase_all(tx, &tenant, &found, now).await
}

/// Erases the exports that tell of documents of somebody who is to be erased, and forgets why they were asked for.
pub(super) async fn erase_of(tx: &mut Tx, owner: &Subject, now: OffsetDateTime) -> Result<(), Error> {
    let tenant = tx.tenant().clone();
    let found = db::case_exports::forget_owner(tx, &tenant, owner).await?;
    erase_all(tx, &tenant, &found, now).await
}

async fn erase_all(
    tx: &mut Tx,
    tenant: &Tenant,
    found: &[ExportId],
    now: OffsetDateTime,
) -> Result<(), Error> {
    for id in found {
        db::case_exports::erase(tx, tenant, *id).await?;
        due::schedule(tx, CASE_EXPORT, (*id).into(), now).await?;
    }
    Ok(())
}
