use auth::Caller;
use time::OffsetDateTime;

use super::{preview_job, scan_job};
use crate::domain::Document;
use crate::{Error, State, db};

/// A preview that is the caller's to make.
#[derive(Debug)]
pub struct ClaimedPreview {
    /// Of what to make it.
    pub document: Document,
    /// Until when nobody else gets it.
    pub lease_expires_at: OffsetDateTime,
}

/// Gives a preview job to one worker for a lease. One that was taken too often is not given any more.
pub async fn claim_preview(state: &State, caller: &Caller, job_id: &str) -> Result<ClaimedPreview, Error> {
    let id = scan_job::job_id(job_id)?;
    let (tenant, clock) = (caller.tenant.clone(), state.clock.clone());
    state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move {
                let (document, preview) = preview_job::lock(tx, &tenant, id).await?;
                let now = clock.now();
                if preview_job::is_finished(&preview) || !document.is_ready() {
                    return Err(Error::JobFinished);
                }
                if let Some(until) = preview.lease_expires_at.filter(|until| now < *until) {
                    return Err(Error::JobLeased { wait: (until - now).unsigned_abs() });
                }
                if preview.is_hopeless() {
                    return Err(Error::JobFinished);
                }
                let lease_expires_at = now + preview_job::LEASE;
                db::previews::lease(tx, &tenant, id, lease_expires_at).await?;
                Ok(ClaimedPreview { document, lease_expires_at })
            })
        })
        .await
}
