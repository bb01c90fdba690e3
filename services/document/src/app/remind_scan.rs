use clock::Clock;
use due::Next;
use ids::JobId;
use pg::Tx;

use super::{SCAN_LEASE, scan_job};
use crate::events::Work;
use crate::{Error, events};

/// Sends a scan job again whose outcome is still missing, so that whatever the queue lost is found; waits while
/// somebody has the job.
pub async fn remind_scan(tx: &mut Tx, clock: &Clock, job: JobId) -> Result<Next, Error> {
    let tenant = tx.tenant().clone();
    let (document, job) = match scan_job::lock(tx, &tenant, job).await {
        Ok(found) => found,
        Err(Error::JobNotFound) => return Ok(Next::Done),
        Err(error) => return Err(error),
    };
    let now = clock.now();
    if job.reported_at.is_some() {
        return Ok(Next::Done);
    }
    if let Some(until) = job.lease_expires_at.filter(|until| now < *until) {
        return Ok(Next::At(until));
    }
    tracing::info!(document.id = %document.id, job.id = %job.id, "scan is not reported, job sent again");
    events::append_job(tx, clock, Work::Scan, &document, job.id).await?;
    Ok(Next::At(now + SCAN_LEASE))
}
