//! A document was refused: its owner is told, and why.

use consumer::{CloudEvent, Failure};
use pg::{BoxFuture, Tx};
use proto::document::v1::{DocumentRejected, RejectionReason};

use super::document_notice;
use crate::domain::status::FeedStatus;
use crate::{State, app};

pub(super) const TYPE: &str = "guildhall.document.rejected.v1";

pub(super) fn handler(
    state: &State,
) -> impl for<'c> Fn(&'c mut Tx, &'c CloudEvent) -> BoxFuture<'c, Result<(), Failure>> + Send + Sync + 'static
{
    let state = state.clone();
    move |tx, event| {
        let state = state.clone();
        Box::pin(async move {
            let message: DocumentRejected = event.decode()?;
            let (status, code) = (FeedStatus::DocumentRejected, code(message.reason)?);
            let notice = document_notice(event, &message.document_id, &message.owner, status, code)?;
            Ok(app::notify::notify(tx, &state, &notice).await?)
        })
    }
}

/// A reason of a newer document service waits, parked, for the release that knows it.
fn code(reason: i32) -> Result<&'static str, Failure> {
    match RejectionReason::try_from(reason) {
        Ok(RejectionReason::Infected) => Ok("INFECTED"),
        Ok(RejectionReason::TypeMismatch) => Ok("TYPE_MISMATCH"),
        Ok(RejectionReason::SizeMismatch) => Ok("SIZE_MISMATCH"),
        Ok(RejectionReason::ChecksumMismatch) => Ok("CHECKSUM_MISMATCH"),
        Ok(RejectionReason::Unscannable) => Ok("UNSCANNABLE"),
        Ok(RejectionReason::Unspecified) | Err(_) => {
            Err(Failure::poison("REASON_UNKNOWN", "the event gives no reason that is known"))
        }
    }
}
