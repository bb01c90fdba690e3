use auth::Caller;
use blobs::Bucket;
use clock::Clock;
use ids::JobId;
use pg::Tx;

use super::{EVIDENCE_CLEANUP, INTAKE_CLEANUP, OBJECT_LOCKS, RETENTION, SCAN_UNREPORTED, keeping, scan_job};
use crate::domain::{Changed, Document, Event, Lifecycle, Status, StoredObject, Verdict};
use crate::{Error, State, db, events};

/// Takes a scan's outcome. The first report of a job decides; each later one, whatever it says, gets the status that
/// the first has led to.
pub async fn report_scan(
    state: &State,
    caller: &Caller,
    job_id: &str,
    verdict: Verdict,
) -> Result<Status, Error> {
    let id = scan_job::job_id(job_id)?;
    let (tenant, clock) = (caller.tenant.clone(), state.clock.clone());
    let (document, job) = state
        .db
        .tenant(&caller.tenant, move |tx| Box::pin(async move { scan_job::find(tx, &tenant, id).await }))
        .await?;
    if job.reported_at.is_some() {
        if document.lifecycle == Lifecycle::Erased {
            delete_copy(state, caller, &document).await?;
        }
        return Ok(document.lifecycle.status());
    }
    let copy = look(state, &document, &verdict).await?;

    let tenant = caller.tenant.clone();
    state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move {
                let (document, job) = scan_job::lock(tx, &tenant, id).await?;
                if job.reported_at.is_some() {
                    return Ok(document.lifecycle.status());
                }
                decide(tx, &clock, id, document, verdict, copy).await
            })
        })
        .await
}

/// A scanner that had begun before the erasure may have copied after it.
async fn delete_copy(state: &State, caller: &Caller, document: &Document) -> Result<(), Error> {
    let (version, now) = (document.version_id.into(), state.clock.now());
    state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move { Ok::<_, Error>(due::schedule(tx, EVIDENCE_CLEANUP, version, now).await?) })
        })
        .await
}

/// What the store has under the key that a clean object is copied to.
async fn look(state: &State, document: &Document, verdict: &Verdict) -> Result<Option<StoredObject>, Error> {
    match verdict {
        Verdict::Refused { .. } => Ok(None),
        Verdict::Clean { .. } => {
            let head = state.blobs.head(Bucket::Evidence, &document.evidence_key()).await?;
            Ok(head.as_ref().map(super::stored_object))
        }
    }
}

async fn decide(
    tx: &mut Tx,
    clock: &Clock,
    job: JobId,
    mut document: Document,
    verdict: Verdict,
    copy: Option<StoredObject>,
) -> Result<Status, Error> {
    let now = clock.now();
    // A report without a claim is as good as one with: a restored database may have lost the claim alone. The
    // document still takes every step.
    if document.lifecycle == Lifecycle::Uploaded && matches!(verdict, Verdict::Clean { .. }) {
        let Changed { document: scanning, event } = document.start_scan(now)?;
        events::append(tx, clock, &scanning, event).await?;
        document = scanning;
    }

    let keep_for = keeping::class(tx, &document.class).await?.keep_for;
    let Changed { document, event } = document.decide(verdict, keep_for, now)?;
    if event == Event::Ready && copy.is_none_or(|copy| document.mismatch(&copy).is_some()) {
        return Err(Error::EvidenceMissing);
    }
    db::documents::update(tx, &document).await?;
    db::scan_jobs::report(tx, &document.tenant, job, now).await?;
    events::append(tx, clock, &document, event).await?;
    due::cancel(tx, SCAN_UNREPORTED, job.into()).await?;
    let version = document.version_id.into();
    due::schedule(tx, INTAKE_CLEANUP, version, now).await?;
    if let Some(end) = document.retain_until {
        due::schedule(tx, OBJECT_LOCKS, version, now).await?;
        // A class of no time keeps until somebody erases.
        if !keep_for.is_zero() {
            due::schedule(tx, RETENTION, version, end).await?;
        }
    }
    Ok(document.lifecycle.status())
}
