//! An erasure that a service has not reported: it is asked again.

use due::{Next, Row};
use ids::ErasureId;
use pg::{BoxFuture, Tx};

use crate::{Error, State, app};

pub(super) fn handler(
    state: &State,
) -> impl for<'t> Fn(&'t mut Tx, Row) -> BoxFuture<'t, Result<Next, Error>> + Send + Sync + 'static {
    let state = state.clone();
    move |tx, row| {
        let state = state.clone();
        Box::pin(async move {
            let Ok(erasure) = ErasureId::try_from(row.subject) else { return Ok(Next::Done) };
            let again = app::erasure::ask_again(tx, &state, erasure).await?;
            Ok(again.map_or(Next::Done, Next::At))
        })
    }
}
