use auth::Caller;
use time::OffsetDateTime;

use super::{SCAN_LEASE, scan_job};
use crate::domain::{Changed, Document, Lifecycle};
use crate::{Error, State, db, events};

/// A scan that is the caller's to do.
#[derive(Debug)]
pub struct ClaimedScan {
    /// What to scan.
    pub document: Document,
    /// Until when nobody else gets it.
    pub lease_expires_at: OffsetDateTime,
}

/// Gives a scan job to one scanner for [`SCAN_LEASE`]. The first claim moves the document to `scanning`.
pub async fn claim_scan(state: &State, caller: &Caller, job_id: &str) -> Result<ClaimedScan, Error> {
    let id = scan_job::job_id(job_id)?;
    let (tenant, clock) = (caller.tenant.clone(), state.clock.clone());
    state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move {
                let (mut document, job) = scan_job::lock(tx, &tenant, id).await?;
                let now = clock.now();
                if job.reported_at.is_some() {
                    return Err(Error::JobFinished);
                }
                if let Some(until) = job.lease_expires_at.filter(|until| now < *until) {
                    return Err(Error::JobLeased { wait: (until - now).unsigned_abs() });
                }

                let lease_expires_at = now + SCAN_LEASE;
                db::scan_jobs::lease(tx, &tenant, id, lease_expires_at).await?;
                if document.lifecycle == Lifecycle::Uploaded {
                    let Changed { document: scanning, event } = document.start_scan(now)?;
                    db::documents::update(tx, &scanning).await?;
                    events::append(tx, &clock, &scanning, event).await?;
                    document = scanning;
                }
                Ok(ClaimedScan { document, lease_expires_at })
            })
        })
        .await
}
