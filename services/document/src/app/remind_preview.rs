use clock::Clock;
use due::Next;
use ids::JobId;
use pg::Tx;

use super::preview_job;
use crate::domain::PreviewFailure;
use crate::events::Work;
use crate::{Error, db, events};

/// Sends a preview job again whose outcome is still missing; waits while somebody has the job, and gives it up in the end.
pub async fn remind_preview(tx: &mut Tx, clock: &Clock, job: JobId) -> Result<Next, Error> {
    let tenant = tx.tenant().clone();
    let (document, preview) = match preview_job::lock(tx, &tenant, job).await {
        Ok(found) => found,
        Err(Error::JobNotFound) => return Ok(Next::Done),
        Err(error) => return Err(error),
    };
    let now = clock.now();
    if preview_job::is_finished(&preview) {
        return Ok(Next::Done);
    }
    if let Some(until) = preview.lease_expires_at.filter(|until| now < *until) {
        return Ok(Next::At(until));
    }
    if preview.is_hopeless() {
        tracing::warn!(document.id = %document.id, job.id = %job, "preview given up");
        db::previews::fail(tx, &tenant, job, PreviewFailure::Abandoned, now).await?;
        return Ok(Next::Done);
    }
    tracing::info!(document.id = %document.id, job.id = %job, "preview is not reported, job sent again");
    events::append_job(tx, clock, Work::Preview, &document, job).await?;
    db::previews::sent(tx, &tenant, job).await?;
    Ok(Next::At(now + preview.wait()))
}
