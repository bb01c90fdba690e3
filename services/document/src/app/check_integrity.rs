use clock::Clock;
use due::Next;
use ids::{JobId, VersionId};
use pg::Tx;
use time::Duration;

use super::integrity_job;
use crate::events::Work;
use crate::{Error, db, events};

/// How often a check is asked for again whose outcome is missing.
const ASK_AGAIN: Duration = Duration::DAY;

/// Asks for a ready version to be read again, or asks once more while nobody has reported. The first time it only chooses
/// when: within `every` of becoming ready, spread out by the version's id.
pub async fn check_integrity(
    tx: &mut Tx,
    clock: &Clock,
    every: Duration,
    id: VersionId,
) -> Result<Next, Error> {
    let tenant = tx.tenant().clone();
    let Some(version) = db::documents::lock_version(tx, &tenant, id).await? else { return Ok(Next::Done) };
    if !version.is_ready() {
        return Ok(Next::Done);
    }
    let now = clock.now();
    let check = db::integrity_checks::of_version(tx, &tenant, version.id, version.version).await?;
    let job = match check {
        None if now < version.updated_at + integrity_job::turn(&version, every) => {
            return Ok(Next::At(version.updated_at + integrity_job::turn(&version, every)));
        }
        Some(check) if check.is_open => {
            if let Some(until) = check.lease_expires_at.filter(|until| now < *until) {
                return Ok(Next::At(until));
            }
            tracing::info!(document.id = %version.id, job.id = %check.job_id, "integrity is not reported, job sent again");
            check.job_id
        }
        _ => {
            let job = JobId::mint(clock);
            db::integrity_checks::open(tx, &tenant, version.id, version.version, job, now).await?;
            job
        }
    };
    events::append_job(tx, clock, Work::Integrity, &version, job).await?;
    Ok(Next::At(now + ASK_AGAIN))
}
