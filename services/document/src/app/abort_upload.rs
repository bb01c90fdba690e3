use auth::Caller;
use idempotency::{KEEP, Key, Outcome};
use proto::Operation;
use proto::document::v1;

use super::{INTAKE_CLEANUP, UPLOAD_EXPIRY, names};
use crate::domain::Changed;
use crate::{Error, State, db, events};

/// Gives up the awaited upload: what was sent is deleted, and nothing signed for it makes a document any longer.
pub async fn abort_upload(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::AbortUploadRequest,
) -> Result<Outcome<v1::Document>, Error> {
    let id = super::document_id(&request.document_id)?;
    let (tenant, viewer, clock) = (caller.tenant.clone(), super::uploader(caller), state.clock.clone());
    let scope = super::scope(caller, Operation::DocumentAbortUpload, key);
    let outcome = idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx| {
        Box::pin(async move {
            let locked = db::documents::lock(tx, &tenant, &viewer, id, None).await?;
            let document = locked.ok_or(Error::DocumentNotFound)?;
            let now = clock.now();
            document.upload_window(now)?;
            let Changed { document, event } = document.give_up(now)?;
            db::documents::update(tx, &document).await?;
            events::append(tx, &clock, &document, event).await?;
            due::cancel(tx, UPLOAD_EXPIRY, document.version_id.into()).await?;
            due::schedule(tx, INTAKE_CLEANUP, document.version_id.into(), now).await?;
            Ok::<_, Error>(v1::Document::from(&document))
        })
    })
    .await?;
    names::answer(state, caller, outcome).await
}
