use auth::Caller;

use crate::domain::quarantine::Decision;
use crate::{Error, State, db};

/// Reads what was decided about a document's quarantined versions, newest version first.
pub async fn list_decisions(
    state: &State,
    caller: &Caller,
    document_id: &str,
) -> Result<Vec<Decision>, Error> {
    let document = super::find_document(state, caller, document_id, 0).await?;
    let tenant = caller.tenant.clone();
    state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move {
                Ok::<_, Error>(db::quarantine_decisions::of_document(tx, &tenant, document.id).await?)
            })
        })
        .await
}
