//! What staff write when they place and release holds: shown to staff, and in no stored answer.

use auth::Caller;
use idempotency::Outcome;
use proto::document::v1;

use crate::domain::Hold;
use crate::{Error, State, db};

/// A hold without what anybody wrote: what is stored as an answer.
pub(super) fn without(hold: &Hold) -> v1::Hold {
    let mut stored = v1::Hold::from(hold);
    for act in [&mut stored.placed, &mut stored.release_asked, &mut stored.released].into_iter().flatten() {
        act.reason.clear();
    }
    stored
}

/// The answer with its reasons, which are read anew.
pub(super) async fn answer(
    state: &State,
    caller: &Caller,
    outcome: Outcome<v1::Hold>,
) -> Result<Outcome<v1::Hold>, Error> {
    let id = outcome.value.hold_id.parse().map_err(|_| Error::HoldNotFound)?;
    let tenant = caller.tenant.clone();
    let found = state.db.tenant(&caller.tenant, move |tx| {
        Box::pin(async move { Ok::<_, Error>(db::legal_holds::find(tx, &tenant, id).await?) })
    });
    let now = v1::Hold::from(&found.await?.ok_or(Error::HoldNotFound)?);
    Ok(outcome.map(|answer| v1::Hold {
        placed: with_reason(answer.placed, now.placed),
        release_asked: with_reason(answer.release_asked, now.release_asked),
        released: with_reason(answer.released, now.released),
        ..answer
    }))
}

fn with_reason(answer: Option<v1::HoldAct>, now: Option<v1::HoldAct>) -> Option<v1::HoldAct> {
    answer.map(|act| v1::HoldAct { reason: now.map(|now| now.reason).unwrap_or_default(), ..act })
}
