use due::{Next, Row};
use pg::{BoxFuture, Tx};

use crate::{Error, State, app};

pub(super) fn handler(
    state: &State,
) -> impl for<'t> Fn(&'t mut Tx, Row) -> BoxFuture<'t, Result<Next, Error>> + Send + Sync + 'static {
    let clock = state.clock.clone();
    move |tx, row| {
        let clock = clock.clone();
        Box::pin(async move {
            let Ok(id) = row.subject.try_into() else { return Ok(Next::Done) };
            app::case_due(tx, &clock, id).await
        })
    }
}
