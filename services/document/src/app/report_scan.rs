use auth::Caller;
use blobs::Bucket;
use clock::Clock;
use ids::JobId;
use pg::Tx;
use time::Duration;

use super::{EVIDENCE_CLEANUP, INTAKE_CLEANUP, OBJECT_LOCKS, SCAN_UNREPORTED, keeping, quarantine, scan_job};
use crate::domain::policy::Unscannable;
use crate::domain::{Changed, Document, Event, Lifecycle, RejectionReason, Status, StoredObject, Verdict};
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
    failpoint::pass("report::asked");
    let keep_rejected = state.keep_rejected;

    let tenant = caller.tenant.clone();
    let reported = state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move {
                let (document, job) = scan_job::lock(tx, &tenant, id).await?;
                if job.reported_at.is_some() {
                    return Ok(document.lifecycle.status());
                }
                decide(tx, &clock, id, document, verdict, copy, keep_rejected).await
            })
        })
        .await;
    failpoint::pass("report::committed");
    reported
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

/// What the store has under the key that a clean object is copied to, and one that somebody reviews.
async fn look(state: &State, document: &Document, verdict: &Verdict) -> Result<Option<StoredObject>, Error> {
    match verdict {
        Verdict::Refused { reason, .. } if *reason != RejectionReason::Unscannable => Ok(None),
        Verdict::Clean { .. } | Verdict::Refused { .. } => {
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
    keep_rejected: Duration,
) -> Result<Status, Error> {
    let now = clock.now();
    // A report without a claim is as good as one with: a restored database may have lost the claim alone. The
    // document still takes every step.
    let unscannable = quarantine::unscannable(tx, &document.declaration.purpose).await?;
    let kept = match verdict {
        Verdict::Clean { .. } => true,
        Verdict::Refused { reason, .. } => {
            reason == RejectionReason::Unscannable && unscannable == Unscannable::Review
        }
    };
    if document.lifecycle == Lifecycle::Uploaded && kept {
        let Changed { document: scanning, event } = document.start_scan(now)?;
        events::append(tx, clock, &scanning, event).await?;
        document = scanning;
    }

    let keep_for = keeping::class(tx, &document.class).await?.keep_for;
    let Changed { document, event } = document.decide(verdict, unscannable, keep_for, now)?;
    if document.has_evidence() && copy.is_none_or(|copy| document.mismatch(&copy).is_some()) {
        return Err(Error::EvidenceMissing);
    }
    db::documents::update(tx, &document).await?;
    db::scan_jobs::report(tx, &document.tenant, job, now).await?;
    events::append(tx, clock, &document, event).await?;
    due::cancel(tx, SCAN_UNREPORTED, job.into()).await?;
    let version = document.version_id.into();
    match event {
        Event::Rejected(_) => {
            // There may be a copy: what a scanner passed, and this refuses, or one under another policy.
            for kind in [INTAKE_CLEANUP, EVIDENCE_CLEANUP] {
                due::schedule(tx, kind, version, now + keep_rejected).await?;
            }
        }
        _ => due::schedule(tx, INTAKE_CLEANUP, version, now).await?,
    }
    match event {
        Event::Ready => keeping::keep(tx, clock, &document, keep_for, now).await?,
        // A hold may stand already.
        Event::Quarantined => due::schedule(tx, OBJECT_LOCKS, version, now).await?,
        _ => {}
    }
    failpoint::pass("report::written");
    Ok(document.lifecycle.status())
}
