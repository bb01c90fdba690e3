use auth::Caller;
use idempotency::{KEEP, Key, Outcome};
use proto::Operation;
use proto::verification::v1;

use crate::grpc::cases::shown;
use crate::{Error, State, db};

/// Takes a case back. Checks that are under way end by themselves, and mean nothing.
pub async fn withdraw_case(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::WithdrawCaseRequest,
) -> Result<Outcome<v1::Case>, Error> {
    let id = super::case_id(&request.case_id)?;
    let (tenant, clock, subjects) = (caller.tenant.clone(), state.clock.clone(), super::subjects(caller));
    let by = caller.subject.clone();
    let scope = super::scope(caller, Operation::VerificationWithdrawCase, key);
    idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx| {
        Box::pin(async move {
            let before = db::cases::lock(tx, &tenant, subjects.as_deref(), id).await?;
            let before = before.ok_or(Error::CaseNotFound)?;
            let moved = before.clone().withdraw(clock.now())?;
            let case = super::moves::write(tx, &clock, &before, moved, Some(&by)).await?;
            Ok::<_, Error>(shown(&case, &[], &[], None))
        })
    })
    .await
}
