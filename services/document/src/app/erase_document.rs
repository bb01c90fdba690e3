use auth::Caller;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use idempotency::{KEEP, Key, Outcome};
use proto::Operation;
use proto::document::v1;

use super::clean_up;
use super::erasure::{Cause, Kept, erase, kept};
use crate::domain::{Lifecycle, Viewer};
use crate::{Error, State, db};

/// Objects deleted at once.
const AT_ONCE: usize = 4;

/// Erases every version of a document, unless anything keeps one. Its objects are gone when this answers; where the
/// store cannot be reached the call fails, and the objects are deleted once it can.
pub async fn erase_document(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::EraseDocumentRequest,
) -> Result<Outcome<v1::Document>, Error> {
    let id = super::document_id(&request.document_id)?;
    let (tenant, viewer, clock) = (caller.tenant.clone(), super::viewer(caller), state.clock.clone());
    let scope = super::scope(caller, Operation::DocumentEraseDocument, key);
    let outcome = idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx| {
        Box::pin(async move {
            let locked = db::documents::lock(tx, &tenant, &viewer, id, None).await?;
            locked.ok_or(Error::DocumentNotFound)?;
            let versions = db::documents::versions(tx, &tenant, &viewer, id).await?;
            if versions.iter().all(|version| version.lifecycle == Lifecycle::Erased) {
                return Err(Error::Erased);
            }
            let standing = db::legal_holds::standing(tx, &tenant, id).await?;
            let keeps = versions.iter().filter_map(|version| kept(version, &standing, clock.now()));
            let keeps: Vec<_> = keeps.collect();
            let held = !standing.is_empty() || keeps.contains(&Kept::Held);
            match viewer {
                Viewer::Office if held => return Err(Error::Held),
                // Citizens are not told of holds.
                _ if held || !keeps.is_empty() => return Err(Error::Retained),
                _ => {}
            }
            let erased = erase(tx, &clock, versions, |_| true, Cause::Asked).await?;
            failpoint::pass("erase::written");
            let newest = erased.first().ok_or(Error::DocumentNotFound)?;
            Ok::<_, Error>(v1::Document::from(newest))
        })
    })
    .await?;

    failpoint::pass("erase::committed");
    let (tenant, viewer) = (caller.tenant.clone(), super::viewer(caller));
    let versions = state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move { Ok::<_, Error>(db::documents::versions(tx, &tenant, &viewer, id).await?) })
        })
        .await?;
    stream::iter(versions)
        .map(async |version| clean_up::delete_objects(state, &version).await)
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    Ok(outcome)
}
