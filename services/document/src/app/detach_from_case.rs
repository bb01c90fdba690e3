use auth::Caller;

use crate::domain::Viewer;
use crate::{Error, State, db};

/// Says that a document does not belong to a case, unless the case holds it.
pub async fn detach_from_case(
    state: &State,
    caller: &Caller,
    case_ref: &str,
    document_id: &str,
) -> Result<(), Error> {
    let case_ref = super::case_ref(case_ref)?;
    let id = super::document_id(document_id)?;
    let tenant = caller.tenant.clone();
    state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move {
                let locked = db::documents::lock(tx, &tenant, &Viewer::Office, id, None).await?;
                locked.ok_or(Error::DocumentNotFound)?;
                let holds = db::legal_holds::standing(tx, &tenant, id).await?;
                if holds.iter().any(|hold| hold.case_ref == case_ref) {
                    return Err(Error::Held);
                }
                db::case_documents::detach(tx, &tenant, &case_ref, id).await?;
                Ok(())
            })
        })
        .await
}
