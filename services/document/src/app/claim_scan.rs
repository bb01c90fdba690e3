use auth::Caller;
use time::{Duration, OffsetDateTime};

use super::{SCAN_LEASE, scan_job};
use crate::domain::policy::Unscannable;
use crate::domain::{ArchiveLimits, Changed, Document, FileSize, Lifecycle, UploadPolicy};
use crate::{Error, State, db, events};

/// A scan that is the caller's to do.
#[derive(Debug)]
pub struct ClaimedScan {
    /// What to scan.
    pub document: Document,
    /// Until when nobody else gets it.
    pub lease_expires_at: OffsetDateTime,
    /// How much of an archive to unpack, by the policy in force.
    pub archives: ArchiveLimits,
    /// How long that is from now.
    pub lease: Duration,
    /// Whether the object is copied too where the scanner cannot look into it.
    pub keep_unscannable: bool,
}

/// What a scanner reads, looks at and copies at the least, in bytes per second.
const PACE: i64 = 5_000_000;

/// How long a claim of that many bytes keeps other scanners away.
fn lease(size: FileSize) -> Duration {
    SCAN_LEASE + Duration::seconds(size.bytes() / PACE)
}

/// Gives a scan job to one scanner for as long as its size may take. The first claim moves the document to `scanning`.
pub async fn claim_scan(state: &State, caller: &Caller, job_id: &str) -> Result<ClaimedScan, Error> {
    let id = scan_job::job_id(job_id)?;
    let (tenant, clock) = (caller.tenant.clone(), state.clock.clone());
    let claimed = state
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

                let lease = lease(document.declaration.size);
                let lease_expires_at = now + lease;
                db::scan_jobs::lease(tx, &tenant, id, lease_expires_at).await?;
                if document.lifecycle == Lifecycle::Uploaded {
                    let Changed { document: scanning, event } = document.start_scan(now)?;
                    db::documents::update(tx, &scanning).await?;
                    events::append(tx, &clock, &scanning, event).await?;
                    document = scanning;
                }
                let policy = policy::current::<UploadPolicy>(tx).await?.policy;
                let rules = policy.purposes.get(&document.declaration.purpose);
                let archives = rules.map_or(ArchiveLimits::BUILTIN, |rules| rules.archives);
                let keep_unscannable = rules.is_some_and(|rules| rules.unscannable == Unscannable::Review);
                failpoint::pass("claim::written");
                Ok(ClaimedScan { document, lease_expires_at, archives, lease, keep_unscannable })
            })
        })
        .await;
    failpoint::pass("claim::committed");
    claimed
}
