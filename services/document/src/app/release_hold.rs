use auth::Caller;
use idempotency::{KEEP, Key, Outcome};
use proto::Operation;
use proto::document::v1;

use super::{
    EVIDENCE_CLEANUP, INTAKE_CLEANUP, OBJECT_LOCKS, RETENTION, hold_reasons, keeping, subject_erasure,
};
use crate::domain::{Act, Status, Viewer};
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
    let keep_rejected = state.keep_rejected;
    let scope = super::scope(caller, Operation::CaseReleaseHold, key);
    let outcome = idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx| {
        Box::pin(async move {
            let of = db::legal_holds::find(tx, &tenant, id).await?.ok_or(Error::HoldNotFound)?.document_id;
            let locked = db::documents::lock(tx, &tenant, &Viewer::Office, of, None).await?;
            let document = locked.ok_or(Error::HoldNotFound)?;
            // Read again: what was read before the lock may have been changed by whoever held it.
            let hold = db::legal_holds::find(tx, &tenant, id).await?.ok_or(Error::HoldNotFound)?;

            let now = clock.now();
            let class = keeping::class(tx, &document.class).await?;
            let hold = hold.release(Act { by, at: now, grounds: Some(grounds) }, class.second_person)?;
            db::legal_holds::update(tx, &hold).await?;
            if !hold.stands() {
                let versions = db::documents::versions(tx, &tenant, &Viewer::Office, of).await?;
                let freed = |status| {
                    let of = versions.iter().filter(|shown| hold.is_of(shown.version));
                    of.filter(move |shown| shown.lifecycle.status() == status)
                };
                for shown in freed(Status::Quarantined) {
                    due::schedule(tx, OBJECT_LOCKS, shown.version_id.into(), now).await?;
                }
                for shown in freed(Status::Rejected) {
                    let end = now.max(shown.updated_at + keep_rejected);
                    for kind in [INTAKE_CLEANUP, EVIDENCE_CLEANUP] {
                        due::schedule(tx, kind, shown.version_id.into(), end).await?;
                    }
                }
                for shown in freed(Status::Ready) {
                    due::schedule(tx, OBJECT_LOCKS, shown.version_id.into(), now).await?;
                    if let Some(end) = shown.retain_until.filter(|_| !class.keep_for.is_zero()) {
                        due::schedule(tx, RETENTION, shown.version_id.into(), end).await?;
                    }
                }
                subject_erasure::look_again(tx, &clock, &document.owner).await?;
                events::append_released(tx, &clock, &document, &hold).await?;
            }
            failpoint::pass("release::written");
            Ok::<_, Error>(hold_reasons::without(&hold))
        })
    })
    .await?;
    failpoint::pass("release::committed");
    hold_reasons::answer(state, caller, outcome).await
}
