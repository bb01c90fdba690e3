use auth::Caller;
use blobs::Bucket;

use super::{EVIDENCE_CLEANUP, PREVIEW_UNREPORTED, preview_job, scan_job};
use crate::domain::{Document, Lifecycle, PreviewObject, PreviewOutcome, PreviewState};
use crate::{Error, State, db};

/// Takes what became of a preview. The first report of a job decides; each later one gets the state that the first has led
/// to.
pub async fn report_preview(
    state: &State,
    caller: &Caller,
    job_id: &str,
    outcome: PreviewOutcome,
) -> Result<PreviewState, Error> {
    let id = scan_job::job_id(job_id)?;
    let (tenant, clock) = (caller.tenant.clone(), state.clock.clone());
    let (document, _) = state
        .db
        .tenant(&caller.tenant, move |tx| Box::pin(async move { preview_job::find(tx, &tenant, id).await }))
        .await?;
    if let PreviewOutcome::Made { objects, .. } = &outcome
        && document.is_ready()
    {
        compare(state, &document, objects).await?;
    }

    let tenant = caller.tenant.clone();
    state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move {
                let (document, preview) = preview_job::lock(tx, &tenant, id).await?;
                let now = clock.now();
                if document.lifecycle == Lifecycle::Erased {
                    // What began before the erasure may have stored after it.
                    due::schedule(tx, EVIDENCE_CLEANUP, document.version_id.into(), now).await?;
                }
                if preview_job::is_finished(&preview) {
                    return Ok(preview.state);
                }
                due::cancel(tx, PREVIEW_UNREPORTED, id.into()).await?;
                match outcome {
                    PreviewOutcome::Made { total_pages, objects } => {
                        db::previews::finish(tx, &tenant, &preview, total_pages, &objects, now).await?;
                        Ok(PreviewState::Ready { total_pages })
                    }
                    PreviewOutcome::Failed(failure) => {
                        db::previews::fail(tx, &tenant, id, failure, now).await?;
                        Ok(PreviewState::Failed(failure))
                    }
                }
            })
        })
        .await
}

/// Whether what is stored is what the report says.
async fn compare(state: &State, document: &Document, objects: &[PreviewObject]) -> Result<(), Error> {
    for object in objects {
        let head = state.blobs.head(Bucket::Evidence, &document.preview_key(object.number)).await?;
        let stored = head.as_ref().map(super::stored_object);
        let said = (object.size, Some(object.sha256));
        if stored.is_none_or(|stored| (stored.size, stored.sha256) != said) {
            return Err(Error::EvidenceMissing);
        }
    }
    Ok(())
}
