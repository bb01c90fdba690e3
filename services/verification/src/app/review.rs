//! The queue of those who decide.

use auth::Caller;
use idempotency::{KEEP, Key, Outcome};
use ids::Subject;
use proto::Operation;
use proto::verification::v1;

use crate::domain::{Broken, Case, PageToken};
use crate::grpc::reviews::review;
use crate::{Error, State, db};

/// Lists what waits, the earliest due first.
pub async fn list_reviews(
    state: &State,
    caller: &Caller,
    request: &v1::ListReviewsRequest,
) -> Result<(Vec<Case>, Option<PageToken>), Error> {
    let (size, after) = paging::parse(request.page_size, &request.page_token)?;
    let available_to = request.available.then(|| caller.subject.clone());
    let (tenant, now, limit) = (caller.tenant.clone(), state.clock.now(), i64::from(size.get()) + 1);
    let cases = state.db.tenant(&caller.tenant, move |tx| {
        Box::pin(async move {
            // The page goes on behind the case that the token names, wherever that stands in the queue.
            let mut behind = None;
            if let Some(last) = after.map(PageToken::last) {
                let last = last.try_into().map_err(|_| Error::CaseNotFound)?;
                let case = db::cases::find(tx, &tenant, None, last).await?;
                behind = case.map(|case| (case.due_at.unwrap_or(now), case.id.into()));
            }
            let available_to = available_to.as_ref();
            Ok::<_, Error>(db::cases::in_review(tx, &tenant, available_to, now, behind, limit).await?)
        })
    });
    Ok(paging::cut(cases.await?, size, |case| case.id.into()))
}

/// Takes a case, or the first that nobody has.
pub async fn claim_review(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::ClaimReviewRequest,
) -> Result<Outcome<v1::Review>, Error> {
    let id = (!request.case_id.is_empty()).then(|| super::case_id(&request.case_id)).transpose()?;
    let (tenant, clock, by) = (caller.tenant.clone(), state.clock.clone(), caller.subject.clone());
    let scope = super::scope(caller, Operation::ReviewClaimReview, key);
    idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx| {
        Box::pin(async move {
            let now = clock.now();
            let case = match id {
                Some(id) => db::cases::lock(tx, &tenant, None, id).await?.ok_or(Error::CaseNotFound)?,
                None => {
                    let first = db::cases::lock_first_in_review(tx, &tenant, &by, now).await?;
                    first.ok_or(Error::NoneWaiting)?
                }
            };
            let case = case.claim(&by, now)?;
            db::cases::update(tx, &case).await?;
            Ok::<_, Error>(review(&case, now))
        })
    })
    .await
}

/// Gives a case to somebody else, or to nobody.
pub async fn reassign_review(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::ReassignReviewRequest,
) -> Result<Outcome<v1::Review>, Error> {
    let id = super::case_id(&request.case_id)?;
    let to = (!request.to.is_empty()).then(|| request.to.parse::<Subject>()).transpose();
    let to = to.map_err(|rule| Error::Decision(vec![Broken::new("to", rule.to_string())]))?;
    let (tenant, clock, by) = (caller.tenant.clone(), state.clock.clone(), caller.subject.clone());
    let scope = super::scope(caller, Operation::ReviewReassignReview, key);
    idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx| {
        Box::pin(async move {
            let now = clock.now();
            let case = db::cases::lock(tx, &tenant, None, id).await?.ok_or(Error::CaseNotFound)?;
            let case = case.reassign(&by, to.as_ref(), now)?;
            db::cases::update(tx, &case).await?;
            Ok::<_, Error>(review(&case, now))
        })
    })
    .await
}
