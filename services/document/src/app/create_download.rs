use std::time::Duration;

use auth::Caller;
use blobs::{Bucket, SignedGet};
use time::OffsetDateTime;

use crate::db::access_log::Access;
use crate::domain::{Document, FileName, Lifecycle, UploadClosed, UploadPolicy, Version};
use crate::{Error, State, db, events};

/// How long a download's signature is good for.
const DOWNLOAD_SIGNATURE: Duration = Duration::from_secs(5 * 60);
/// The same for what is sensitive.
const SENSITIVE_SIGNATURE: Duration = Duration::from_secs(60);

/// A signed download and what it is of.
#[derive(Debug)]
pub struct Download {
    /// The signature.
    pub signed: SignedGet,
    /// Which version the URL reads.
    pub version: Version,
}

/// Signs a download of a ready version and logs who may use it: citizens for their own, staff for the tenant's. For 0
/// it is the newest version that is ready.
///
/// The URL is signed first, since that may take a call for credentials, and thrown away where the log cannot be
/// written.
pub async fn create_download(
    state: &State,
    caller: &Caller,
    document_id: &str,
    version: i32,
) -> Result<Download, Error> {
    let mut document = super::get_document(state, caller, document_id, version).await?;
    if let Some(ready) = document.latest_ready.filter(|ready| version == 0 && *ready != document.version) {
        document = super::get_document(state, caller, document_id, ready.number()).await?;
    }
    readable(&document)?;
    // What is ready has its name still.
    let file_name = document.declaration.file_name.as_ref().map(FileName::as_str).ok_or(Error::Erased)?;
    let key = document.evidence_key();
    let ttl = ttl(state, caller, &document).await?;
    let accessed_at = state.clock.now();
    let signed = state.blobs.presign_get(Bucket::Evidence, &key, file_name, ttl).await?;

    write_log(state, caller, &document, accessed_at, signed.expires_at).await?;
    Ok(Download { signed, version: document.version })
}

/// By the policy in force. A purpose that is not in it any longer is taken for a sensitive one.
async fn ttl(state: &State, caller: &Caller, document: &Document) -> Result<Duration, Error> {
    let purpose = document.declaration.purpose.clone();
    let policy = state
        .db
        .tenant(&caller.tenant, |tx| {
            Box::pin(async move { Ok::<_, Error>(policy::current::<UploadPolicy>(tx).await?.policy) })
        })
        .await?;
    let sensitive = policy.purposes.get(&purpose).is_none_or(|rules| rules.sensitive);
    Ok(if sensitive { SENSITIVE_SIGNATURE } else { DOWNLOAD_SIGNATURE })
}

async fn write_log(
    state: &State,
    caller: &Caller,
    document: &Document,
    accessed_at: OffsetDateTime,
    expires_at: OffsetDateTime,
) -> Result<(), Error> {
    let (id, version) = (document.id, document.version);
    let (viewer, clock, caller) = (super::viewer(caller), state.clock.clone(), caller.clone());
    let tenant = caller.tenant.clone();
    state
        .db
        .tenant(&tenant, move |tx| {
            Box::pin(async move {
                let locked = db::documents::lock(tx, &caller.tenant, &viewer, id, Some(version)).await?;
                let document = locked.ok_or(Error::DocumentNotFound)?;
                readable(&document)?;
                let event_id = events::append_accessed(tx, &clock, &document, &caller.subject).await?;
                let access = Access {
                    event_id,
                    tenant: &caller.tenant,
                    document_id: id,
                    version,
                    accessor: &caller.subject,
                    client_id: &caller.client_id,
                    accessed_at,
                    expires_at,
                };
                db::access_log::insert(tx, &access).await?;
                Ok::<_, Error>(())
            })
        })
        .await
}

fn readable(document: &Document) -> Result<(), Error> {
    match document.lifecycle {
        Lifecycle::Ready { .. } => Ok(()),
        Lifecycle::PendingUpload { .. } | Lifecycle::Uploaded | Lifecycle::Scanning => Err(Error::NotScanned),
        Lifecycle::Rejected { .. } => Err(Error::Rejected),
        Lifecycle::Expired => Err(UploadClosed::Expired.into()),
        Lifecycle::Erased => Err(Error::Erased),
    }
}
