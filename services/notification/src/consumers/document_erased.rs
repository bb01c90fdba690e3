//! A document is gone for good: its owner is told, unless whatever concerns them was erased with it.

use consumer::{CloudEvent, Failure};
use pg::{BoxFuture, Tx};
use proto::document::v1::{DocumentErased, ErasureCause};

use super::document_notice;
use crate::domain::status::FeedStatus;
use crate::{State, app};

pub(super) const TYPE: &str = "guildhall.document.erased.v1";

pub(super) fn handler(
    state: &State,
) -> impl for<'c> Fn(&'c mut Tx, &'c CloudEvent) -> BoxFuture<'c, Result<(), Failure>> + Send + Sync + 'static
{
    let state = state.clone();
    move |tx, event| {
        let state = state.clone();
        Box::pin(async move {
            let message: DocumentErased = event.decode()?;
            // Of a version that goes before the others nobody needs to hear.
            if !message.whole || message.cause() == ErasureCause::SubjectErased {
                return Ok(());
            }
            let status = FeedStatus::DocumentErased;
            let notice = document_notice(event, &message.document_id, &message.owner, status, "")?;
            Ok(app::notify::notify(tx, &state, &notice).await?)
        })
    }
}
