//! A scanner has taken a document: its owner is told.

use consumer::{CloudEvent, Failure};
use pg::{BoxFuture, Tx};
use proto::document::v1::DocumentScanning;

use super::document_notice;
use crate::domain::status::FeedStatus;
use crate::{State, app};

pub(super) const TYPE: &str = "guildhall.document.scanning.v1";

pub(super) fn handler(
    state: &State,
) -> impl for<'c> Fn(&'c mut Tx, &'c CloudEvent) -> BoxFuture<'c, Result<(), Failure>> + Send + Sync + 'static
{
    let state = state.clone();
    move |tx, event| {
        let state = state.clone();
        Box::pin(async move {
            let message: DocumentScanning = event.decode()?;
            let status = FeedStatus::DocumentScanning;
            let notice = document_notice(event, &message.document_id, &message.owner, status, "")?;
            Ok(app::notify::notify(tx, &state, &notice).await?)
        })
    }
}
