//! A document is quarantined until somebody of the office has decided: its owner is told.

use consumer::{CloudEvent, Failure};
use pg::{BoxFuture, Tx};
use proto::document::v1::DocumentQuarantined;

use super::document_notice;
use crate::domain::status::FeedStatus;
use crate::{State, app};

pub(super) const TYPE: &str = "guildhall.document.quarantined.v1";

pub(super) fn handler(
    state: &State,
) -> impl for<'c> Fn(&'c mut Tx, &'c CloudEvent) -> BoxFuture<'c, Result<(), Failure>> + Send + Sync + 'static
{
    let state = state.clone();
    move |tx, event| {
        let state = state.clone();
        Box::pin(async move {
            let message: DocumentQuarantined = event.decode()?;
            let status = FeedStatus::DocumentQuarantined;
            let notice = document_notice(event, &message.document_id, &message.owner, status, "")?;
            Ok(app::notify::notify(tx, &state, &notice).await?)
        })
    }
}
