use auth::Caller;
use time::OffsetDateTime;

use super::{integrity_job, scan_job};
use crate::domain::Document;
use crate::{Error, State, db};

/// A check that is the caller's to make.
#[derive(Debug)]
pub struct ClaimedIntegrity {
    /// What to read.
    pub document: Document,
    /// Until when nobody else gets it.
    pub lease_expires_at: OffsetDateTime,
}

/// Gives an integrity job to one worker for a lease.
pub async fn claim_integrity(
    state: &State,
    caller: &Caller,
    job_id: &str,
) -> Result<ClaimedIntegrity, Error> {
    let id = scan_job::job_id(job_id)?;
    let (tenant, clock) = (caller.tenant.clone(), state.clock.clone());
    state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move {
                let (document, check) = integrity_job::lock(tx, &tenant, id).await?;
                let now = clock.now();
                if !check.is_open || !document.is_ready() {
                    return Err(Error::JobFinished);
                }
                if let Some(until) = check.lease_expires_at.filter(|until| now < *until) {
                    return Err(Error::JobLeased { wait: (until - now).unsigned_abs() });
                }
                let lease_expires_at = now + integrity_job::LEASE;
                db::integrity_checks::lease(tx, &tenant, id, lease_expires_at).await?;
                Ok(ClaimedIntegrity { document, lease_expires_at })
            })
        })
        .await
}
