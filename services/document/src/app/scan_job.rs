//! Finding a scan job and keeping others from it.

use ids::{JobId, Tenant};
use pg::Tx;

use crate::db::scan_jobs::ScanJob;
use crate::domain::{Document, Version, Viewer};
use crate::{Error, db};

/// The job that a request names. What is no id names no job.
pub(super) fn job_id(text: &str) -> Result<JobId, Error> {
    text.parse().map_err(|_| Error::JobNotFound)
}

/// Reads a job and the document as the version to be scanned shows it.
pub(super) async fn find(tx: &mut Tx, tenant: &Tenant, id: JobId) -> Result<(Document, ScanJob), Error> {
    let job = db::scan_jobs::find(tx, tenant, id).await?.ok_or(Error::JobNotFound)?;
    let version = version(&job)?;
    let document = db::documents::find(tx, tenant, &Viewer::Office, job.document_id, version).await?;
    Ok((document.ok_or(Error::JobNotFound)?, job))
}

/// Locks a job by its document's row, and reads both as they are under the lock.
pub(super) async fn lock(tx: &mut Tx, tenant: &Tenant, id: JobId) -> Result<(Document, ScanJob), Error> {
    let job = db::scan_jobs::find(tx, tenant, id).await?.ok_or(Error::JobNotFound)?;
    let version = version(&job)?;
    let document = db::documents::lock(tx, tenant, &Viewer::Office, job.document_id, version).await?;
    // Read again: what was read before the lock may have been changed by whoever held it.
    let job = db::scan_jobs::find(tx, tenant, id).await?.ok_or(Error::JobNotFound)?;
    Ok((document.ok_or(Error::JobNotFound)?, job))
}

fn version(job: &ScanJob) -> Result<Option<Version>, Error> {
    job.version.try_into().map(Some).map_err(|_| Error::JobNotFound)
}
