//! An upload was not confirmed in time: its owner is told.

use consumer::{CloudEvent, Failure};
use pg::{BoxFuture, Tx};
use proto::document::v1::DocumentExpired;

use super::document_notice;
use crate::domain::status::FeedStatus;
use crate::{State, app};

pub(super) const TYPE: &str = "guildhall.document.expired.v1";

pub(super) fn handler(
    state: &State,
) -> impl for<'c> Fn(&'c mut Tx, &'c CloudEvent) -> BoxFuture<'c, Result<(), Failure>> + Send + Sync + 'static
{
    let state = state.clone();
    move |tx, event| {
        let state = state.clone();
        Box::pin(async move {
            let message: DocumentExpired = event.decode()?;
            // Whoever gave it up knows.
            if message.given_up {
                return Ok(());
            }
            let status = FeedStatus::DocumentExpired;
            let notice = document_notice(event, &message.document_id, &message.owner, status, "")?;
            Ok(app::notify::notify(tx, &state, &notice).await?)
        })
    }
}
