use due::{Next, Row};
use pg::{BoxFuture, Tx};

use crate::app::Checker;
use crate::{Error, State};

pub(super) fn handler(
    state: &State,
    checker: Checker,
) -> impl for<'t> Fn(&'t mut Tx, Row) -> BoxFuture<'t, Result<Next, Error>> + Send + Sync + 'static {
    let clock = state.clock.clone();
    move |tx, row| {
        let Ok(id) = row.subject.try_into() else { return Box::pin(async { Ok(Next::Done) }) };
        let next = checker.hand_over(tx.tenant(), id, clock.now());
        Box::pin(async move { Ok(next) })
    }
}
