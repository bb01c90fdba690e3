//! What staff write when they give and revoke grants: shown to staff, and in no stored answer.

use auth::Caller;
use idempotency::Outcome;
use proto::document::v1;
use time::OffsetDateTime;

use crate::domain::Grant;
use crate::{Error, State, db};

/// A grant without what anybody wrote: what is stored as an answer.
pub(super) fn without(grant: &Grant, now: OffsetDateTime) -> v1::Grant {
    let mut stored = crate::grpc::grant(grant, now);
    for act in [&mut stored.given, &mut stored.revoked].into_iter().flatten() {
        act.reason.clear();
    }
    stored
}

/// The answer with its reasons, which are read anew.
pub(super) async fn answer(
    state: &State,
    caller: &Caller,
    outcome: Outcome<v1::Grant>,
) -> Result<Outcome<v1::Grant>, Error> {
    let id = outcome.value.grant_id.parse().map_err(|_| Error::GrantNotFound)?;
    let tenant = caller.tenant.clone();
    let found = state.db.tenant(&caller.tenant, move |tx| {
        Box::pin(async move { Ok::<_, Error>(db::grants::find(tx, &tenant, id).await?) })
    });
    let now = crate::grpc::grant(&found.await?.ok_or(Error::GrantNotFound)?, state.clock.now());
    Ok(outcome.map(|answer| v1::Grant {
        given: with_reason(answer.given, now.given),
        revoked: with_reason(answer.revoked, now.revoked),
        ..answer
    }))
}

fn with_reason(answer: Option<v1::GrantAct>, now: Option<v1::GrantAct>) -> Option<v1::GrantAct> {
    answer.map(|act| v1::GrantAct { reason: now.map(|now| now.reason).unwrap_or_default(), ..act })
}
