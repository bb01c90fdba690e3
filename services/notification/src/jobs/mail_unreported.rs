//! A mail job whose outcome is missing: it is asked for again.

use due::{Next, Row};
use ids::JobId;
use pg::{BoxFuture, Tx};

use crate::{Error, State, app};

pub(super) fn handler(
    state: &State,
) -> impl for<'t> Fn(&'t mut Tx, Row) -> BoxFuture<'t, Result<Next, Error>> + Send + Sync + 'static {
    let state = state.clone();
    move |tx, row| {
        let state = state.clone();
        Box::pin(async move {
            let Ok(job) = JobId::try_from(row.subject) else { return Ok(Next::Done) };
            let again = app::ask_for_delivery::ask_again(tx, &state, job).await?;
            Ok(again.map_or(Next::Done, Next::At))
        })
    }
}
