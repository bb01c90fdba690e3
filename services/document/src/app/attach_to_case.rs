use auth::Caller;

use crate::domain::{Lifecycle, Viewer};
use crate::{Error, State, db};

/// Says that a document belongs to a case.
pub async fn attach_to_case(
    state: &State,
    caller: &Caller,
    case_ref: &str,
    document_id: &str,
) -> Result<(), Error> {
    let case_ref = super::case_ref(case_ref)?;
    let id = super::document_id(document_id)?;
    let (tenant, by, now) = (caller.tenant.clone(), caller.subject.clone(), state.clock.now());
    state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move {
                let locked = db::documents::lock(tx, &tenant, &Viewer::Office, id, None).await?;
                let document = locked.ok_or(Error::DocumentNotFound)?;
                if document.lifecycle == Lifecycle::Erased {
                    return Err(Error::Erased);
                }
                db::case_documents::attach(tx, &tenant, &case_ref, id, &by, now).await?;
                Ok(())
            })
        })
        .await
}
