use auth::Caller;

use super::{EVIDENCE_CLEANUP, INTEGRITY, OBJECT_LOCKS, integrity_job, scan_job};
use crate::domain::{Integrity, Lifecycle};
use crate::{Error, State, db};

/// Takes what was found of a version's object. A job's first report stands. What is not good is told as loudly as can be; what
/// was copied back is locked again.
pub async fn report_integrity(
    state: &State,
    caller: &Caller,
    job_id: &str,
    found: Integrity,
) -> Result<(), Error> {
    let id = scan_job::job_id(job_id)?;
    let (tenant, clock, every) = (caller.tenant.clone(), state.clock.clone(), state.integrity_every);
    let told = state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move {
                let (document, check) = integrity_job::lock(tx, &tenant, id).await?;
                let (now, version) = (clock.now(), document.version_id.into());
                if document.lifecycle == Lifecycle::Erased {
                    // It was erased while it was read: nothing is amiss, but that it may have been copied back.
                    due::schedule(tx, EVIDENCE_CLEANUP, version, now).await?;
                    return Ok(None);
                }
                if !check.is_open || !document.is_ready() {
                    return Ok(None);
                }
                db::integrity_checks::close(tx, &tenant, id, found, now).await?;
                due::schedule(tx, INTEGRITY, version, now + every).await?;
                if matches!(found, Integrity::Bad { restored: true, .. }) {
                    due::schedule(tx, OBJECT_LOCKS, version, now).await?;
                }
                Ok::<_, Error>(Some(document))
            })
        })
        .await?;
    let Some(document) = told else { return Ok(()) };
    state.integrity.add(found);
    if let Integrity::Bad { restored, .. } = found {
        let (tenant, finding) = (&caller.tenant, found.finding());
        let version = document.version.number();
        if restored {
            tracing::error!(%tenant, document.id = %document.id, version, finding, "evidence was not as handed in, and was restored");
        } else {
            tracing::error!(%tenant, document.id = %document.id, version, finding, "evidence is lost: no replica has it");
        }
    }
    Ok(())
}
