//! A person is to be erased.

use consumer::{CloudEvent, Failure};
use ids::{ErasureId, Subject};
use pg::{BoxFuture, Tx};
use proto::subject::v1::ErasureRequested;

use crate::{State, app};

pub(super) const TYPE: &str = "guildhall.subject.erasure_requested.v1";

pub(super) fn handler(
    state: &State,
) -> impl for<'c> Fn(&'c mut Tx, &'c CloudEvent) -> BoxFuture<'c, Result<(), Failure>> + Send + Sync + 'static
{
    let clock = state.clock.clone();
    move |tx, event| {
        let clock = clock.clone();
        Box::pin(async move {
            let message: ErasureRequested = event.decode()?;
            let unreadable = |error: ids::Error| Failure::poison("ID_UNREADABLE", error);
            let erasure: ErasureId = message.erasure_id.parse().map_err(unreadable)?;
            let subject: Subject = message.subject.parse().map_err(unreadable)?;
            Ok(app::erase(tx, &clock, erasure, &subject).await?)
        })
    }
}
