use auth::Caller;
use time::Duration;

use super::hand_out::readable;
use super::log_access::{Signed, log_access};
use crate::domain::policy::HandedInBy;
use crate::domain::{AccessPurpose, Document, UploadPolicy, Viewer};
use crate::{Error, State, db};

/// For how long the worker may read a file that it was told of.
const READS: Duration = Duration::hours(1);

/// Tells the worker where the newest version of a document is that staff have handed in, and logs that it reads it. What citizens hand in
/// does not exist here.
pub async fn open_document(state: &State, caller: &Caller, document_id: &str) -> Result<Document, Error> {
    let id = super::document_id(document_id)?;
    let (reader, tenant, clock) = (caller.clone(), caller.tenant.clone(), state.clock.clone());
    state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move {
                let locked = db::documents::lock(tx, &tenant, &Viewer::Office, id, None).await?;
                let document = locked.ok_or(Error::DocumentNotFound)?;
                let policy = policy::current::<UploadPolicy>(tx).await?.policy;
                let of_staff = policy.purpose(document.declaration.purpose.as_str(), HandedInBy::Staff);
                of_staff.ok_or(Error::DocumentNotFound)?;
                readable(&document)?;
                let at = clock.now();
                let (purpose, expires_at) = (AccessPurpose::work(), at + READS);
                let signed = Signed { purpose, grant_id: None, at, expires_at };
                log_access(tx, &clock, &reader, &document, signed).await?;
                Ok::<_, Error>(document)
            })
        })
        .await
}
