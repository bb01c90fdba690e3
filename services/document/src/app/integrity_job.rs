//! Integrity jobs: when a version's turn is, finding one, and keeping others from it.

use ids::{JobId, Tenant};
use pg::Tx;
use time::Duration;

use crate::db::integrity_checks::Check;
use crate::domain::{Document, Version, Viewer};
use crate::{Error, db};

/// How long a claim keeps others away: the largest object at the slowest pace.
pub(super) const LEASE: Duration = Duration::hours(1);

/// A part of `every`, by the random bits of the version's id: what is handed in at once is not read at once.
pub(super) fn turn(version: &Document, every: Duration) -> Duration {
    let random = version.version_id.as_uuid().as_u64_pair().1 >> 32;
    let share = u32::try_from(random % 10_000).unwrap_or_default();
    every * share / 10_000
}

/// Locks a job by its document's row, and reads both as they are under the lock.
pub(super) async fn lock(tx: &mut Tx, tenant: &Tenant, job: JobId) -> Result<(Document, Check), Error> {
    let check = db::integrity_checks::find(tx, tenant, job).await?.ok_or(Error::JobNotFound)?;
    let version = Version::try_from(check.version).map_err(|_| Error::JobNotFound)?;
    let document = db::documents::lock(tx, tenant, &Viewer::Office, check.document_id, Some(version)).await?;
    // Read again: what was read before the lock may have been changed by whoever held it.
    let check = db::integrity_checks::find(tx, tenant, job).await?.ok_or(Error::JobNotFound)?;
    Ok((document.ok_or(Error::JobNotFound)?, check))
}
