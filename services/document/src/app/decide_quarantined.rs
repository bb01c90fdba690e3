use auth::Caller;
use idempotency::{KEEP, Key};
use proto::Operation;
use proto::document::v1;

use super::{EVIDENCE_CLEANUP, keeping, names, quarantine};
use crate::domain::quarantine::{Decision, Outcome};
use crate::domain::{Changed, Viewer};
use crate::{Error, State, db, events};

/// Decides about a quarantined version, for good: under the lock of its document the first decision finds it waiting.
pub async fn decide_quarantined(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::DecideQuarantinedRequest,
    outcome: Outcome,
) -> Result<idempotency::Outcome<v1::DecideQuarantinedResponse>, Error> {
    let grounds = super::grounds(&request.reason)?;
    // Whether there is such a version is told first; the rest under the lock.
    let found = super::find_document(state, caller, &request.document_id, request.version).await?;
    let (id, version, keep_rejected) = (found.id, found.version, state.keep_rejected);

    let (tenant, clock, caller_in) = (caller.tenant.clone(), state.clock.clone(), caller.clone());
    let scope = super::scope(caller, Operation::QuarantineDecideQuarantined, key);
    let decided = idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx| {
        Box::pin(async move {
            let locked = db::documents::lock(tx, &tenant, &Viewer::Office, id, Some(version)).await?;
            let document = locked.ok_or(Error::DocumentNotFound)?;
            quarantine::reviewable(&document, &caller_in)?;

            let now = clock.now();
            let keep_for = keeping::class(tx, &document.class).await?.keep_for;
            let Changed { document, event } = document.review(outcome, keep_for, now)?;
            let by = caller_in.subject;
            let decision =
                Decision { document_id: id, version, outcome, by, at: now, grounds: Some(grounds) };
            db::documents::update(tx, &document).await?;
            db::quarantine_decisions::insert(tx, &tenant, &decision).await?;
            events::append(tx, &clock, &document, event).await?;
            match outcome {
                Outcome::Released => keeping::keep(tx, &clock, &document, keep_for, now).await?,
                Outcome::Rejected => {
                    let at = now + keep_rejected;
                    due::schedule(tx, EVIDENCE_CLEANUP, document.version_id.into(), at).await?;
                }
            }
            Ok::<_, Error>(v1::Document::from(&document))
        })
    })
    .await?;
    // What somebody wrote is in no stored answer: it is read anew.
    let tenant = caller.tenant.clone();
    let decisions = state.db.tenant(&caller.tenant, move |tx| {
        Box::pin(async move { Ok::<_, Error>(db::quarantine_decisions::of_document(tx, &tenant, id).await?) })
    });
    let decision = decisions.await?.into_iter().find(|decision| decision.version == version);
    let decision = decision.as_ref().map(Into::into);
    let decided = names::answer(state, caller, decided).await?;
    Ok(decided.map(|document| v1::DecideQuarantinedResponse { document: Some(document), decision }))
}
