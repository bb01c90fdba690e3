use auth::Caller;
use idempotency::{KEEP, Key, Outcome};
use proto::Operation;
use proto::document::v1;

use super::signature::sign_again;
use super::{AwaitedUpload, names};
use crate::{Error, State, db};

/// Signs an awaited upload again; the document stays as it is.
pub async fn refresh_upload(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::RefreshUploadRequest,
) -> Result<Outcome<AwaitedUpload>, Error> {
    let id = super::document_id(&request.document_id)?;

    let (tenant, viewer, clock) = (caller.tenant.clone(), super::uploader(caller), state.clock.clone());
    let scope = super::scope(caller, Operation::DocumentRefreshUpload, key);
    let outcome = idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx| {
        Box::pin(async move {
            let found = db::documents::find(tx, &tenant, &viewer, id, None).await?;
            let document = found.ok_or(Error::DocumentNotFound)?;
            document.upload_window(clock.now())?;
            Ok::<_, Error>(v1::Document::from(&document))
        })
    })
    .await?;

    let upload = sign_again(state, caller, &outcome.value).await?;
    let outcome = names::answer(state, caller, outcome).await?;
    Ok(outcome.map(|document| AwaitedUpload { document, upload }))
}
