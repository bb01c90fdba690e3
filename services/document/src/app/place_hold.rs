use auth::Caller;
use idempotency::{KEEP, Key, Outcome};
use ids::HoldId;
use proto::Operation;
use proto::document::v1;

use super::{OBJECT_LOCKS, hold_reasons};
use crate::domain::{Act, Hold, Lifecycle, Release, Viewer};
use crate::{Error, State, db, events};

/// Holds a document, or one version of it, for a case: from the commit on nothing of it is erased.
pub async fn place_hold(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::PlaceHoldRequest,
) -> Result<Outcome<v1::Hold>, Error> {
    let case_ref = super::case_ref(&request.case_ref)?;
    let grounds = super::grounds(&request.reason)?;
    let document_id = super::document_id(&request.document_id)?;
    let version = super::version(request.version)?;

    let (tenant, clock, by) = (caller.tenant.clone(), state.clock.clone(), caller.subject.clone());
    let scope = super::scope(caller, Operation::CasePlaceHold, key);
    let outcome = idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx| {
        Box::pin(async move {
            let locked = db::documents::lock(tx, &tenant, &Viewer::Office, document_id, None).await?;
            let document = locked.ok_or(Error::DocumentNotFound)?;
            let versions = db::documents::versions(tx, &tenant, &Viewer::Office, document_id).await?;
            if let Some(version) = version {
                let shown = versions.iter().find(|shown| shown.version == version);
                if shown.ok_or(Error::VersionNotFound)?.lifecycle == Lifecycle::Erased {
                    return Err(Error::Erased);
                }
            }
            if versions.iter().all(|shown| shown.lifecycle == Lifecycle::Erased) {
                return Err(Error::Erased);
            }

            let now = clock.now();
            let hold = Hold {
                id: HoldId::mint(&clock),
                tenant,
                case_ref,
                document_id,
                version,
                placed: Act { by, at: now, grounds: Some(grounds) },
                release: Release::Standing,
            };
            db::legal_holds::insert(tx, &hold).await?;
            for held in versions.iter().filter(|shown| hold.covers(shown.version) && shown.has_evidence()) {
                due::schedule(tx, OBJECT_LOCKS, held.version_id.into(), now).await?;
            }
            events::append_held(tx, &clock, &document, &hold).await?;
            failpoint::pass("hold::written");
            Ok::<_, Error>(hold_reasons::without(&hold))
        })
    })
    .await?;
    failpoint::pass("hold::committed");
    hold_reasons::answer(state, caller, outcome).await
}
