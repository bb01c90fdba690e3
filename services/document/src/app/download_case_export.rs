use std::time::Duration;

use auth::Caller;
use blobs::{Bucket, SignedGet};
use pg::Tx;
use time::OffsetDateTime;

use super::exports::find_export;
use super::log_access::{Signed, log_access};
use crate::domain::{AccessPurpose, Export, ExportState, Viewer};
use crate::{Error, State, db};

/// How long a signature of an archive is good for.
const SIGNATURE: Duration = Duration::from_secs(60);

/// Signs a download of an export, and logs an access to every version whose bytes are in it. The URL is signed first, and
/// thrown away where the log cannot be written.
pub async fn download_case_export(state: &State, caller: &Caller, id: &str) -> Result<SignedGet, Error> {
    let export = find_export(state, caller, id).await?;
    let now = state.clock.now();
    fetchable(&export, now)?;
    let (key, name) = (export.object_key(export.attempt), export.file_name());
    let signed = state.blobs.presign_get(Bucket::Exports, &key, &name, SIGNATURE).await?;
    let (reader, clock, expires_at) = (caller.clone(), state.clock.clone(), signed.expires_at);
    let logged = state.db.tenant(&caller.tenant, move |tx| {
        Box::pin(async move {
            // Documents before the export, as whoever erases one of them does.
            for (document, version) in db::case_exports::readable(tx, &reader.tenant, export.id).await? {
                let version = Some(version);
                let locked = db::documents::lock(tx, &reader.tenant, &Viewer::Office, document, version);
                let document = locked.await?.ok_or(Error::DocumentNotFound)?;
                let signed = Signed { purpose: AccessPurpose::export(), grant_id: None, at: now, expires_at };
                log_access(tx, &clock, &reader, &document, signed).await?;
            }
            still_fetchable(tx, &export, now).await
        })
    });
    logged.await?;
    Ok(signed)
}

/// Looks again, at the locked row.
async fn still_fetchable(tx: &mut Tx, export: &Export, now: OffsetDateTime) -> Result<(), Error> {
    let locked = db::case_exports::lock(tx, &export.tenant, export.id).await?;
    fetchable(&locked.ok_or(Error::ExportNotFound)?, now)
}

fn fetchable(export: &Export, now: OffsetDateTime) -> Result<(), Error> {
    match export.state {
        _ if export.kept_until <= now => Err(Error::ExportErased),
        ExportState::Ready(_) => Ok(()),
        ExportState::Pending => Err(Error::ExportNotReady),
        ExportState::Failed(_) => Err(Error::ExportFailed),
        ExportState::Erased => Err(Error::ExportErased),
    }
}
