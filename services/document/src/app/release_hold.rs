use auth::Caller;
use idempotency::{KEEP, Key, Outcome};
use proto::Operation;
use proto::document::v1;

use super::{OBJECT_LOCKS, RETENTION, keeping};
use crate::domain::{Act, Viewer};
use crate::{Error, State, db, events};

/// Ends a hold, or asks a second person to where the document's class needs one. What the hold kept beyond its
/// retention is erased afterwards, unless another one stands.
pub async fn release_hold(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::ReleaseHoldRequest,
) -> Result<Outcome<v1::Hold>, Error> {
    let grounds = super::grounds(&request.reason)?;
    let id = request.hold_id.parse().map_err(|_| Error::HoldNotFound)?;

    let (tenant, clock, by) = (caller.tenant.clone(), state.clock.clone(), caller.subject.clone());
    let scope = super::scope(caller, Operation::CaseReleaseHold, key);
    idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx| {
        Box::pin(async move {
            let of = db::legal_holds::find(tx, &tenant, id).await?.ok_or(Error::HoldNotFound)?.document_id;
            let locked = db::documents::lock(tx, &tenant, &Viewer::Office, of, None).await?;
            let document = locked.ok_or(Error::HoldNotFound)?;
            // Read again: what was read before the lock may have been changed by whoever held it.
            let hold = db::legal_holds::find(tx, &tenant, id).await?.ok_or(Error::HoldNotFound)?;

            let now = clock.now();
            let class = keeping::class(tx, &document.class).await?;
            let hold = hold.release(Act { by, at: now, grounds }, class.second_person)?;
            db::legal_holds::update(tx, &hold).await?;
            if !hold.stands() {
                let versions = db::documents::versions(tx, &tenant, &Viewer::Office, of).await?;
                for shown in versions.iter().filter(|shown| shown.is_ready() && hold.is_of(shown.version)) {
                    due::schedule(tx, OBJECT_LOCKS, shown.version_id.into(), now).await?;
                    if let Some(end) = shown.retain_until.filter(|_| !class.keep_for.is_zero()) {
                        due::schedule(tx, RETENTION, shown.version_id.into(), end).await?;
                    }
                }
                events::append_released(tx, &clock, &document, &hold).await?;
            }
            Ok::<_, Error>(v1::Hold::from(&hold))
        })
    })
    .await
}
