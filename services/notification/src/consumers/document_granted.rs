//! Something was shared: the person who may read it is told. A client has its own ways.

use consumer::{CloudEvent, Failure};
use ids::GrantId;
use pg::{BoxFuture, Tx};
use proto::document::v1::DocumentGranted;

use crate::app::notify::Notice;
use crate::domain::status::FeedStatus;
use crate::{State, app};

pub(super) const TYPE: &str = "guildhall.document.granted.v1";

pub(super) fn handler(
    state: &State,
) -> impl for<'c> Fn(&'c mut Tx, &'c CloudEvent) -> BoxFuture<'c, Result<(), Failure>> + Send + Sync + 'static
{
    let state = state.clone();
    move |tx, event| {
        let state = state.clone();
        Box::pin(async move {
            let message: DocumentGranted = event.decode()?;
            if message.grantee_subject.is_empty() {
                return Ok(());
            }
            let unreadable = |error: ids::Error| Failure::poison("ID_UNREADABLE", error);
            let grant: GrantId = message.grant_id.parse().map_err(unreadable)?;
            let notice = Notice {
                event_id: event.id,
                owner: message.grantee_subject.parse().map_err(unreadable)?,
                status: FeedStatus::DocumentShared,
                code: "",
                category: "document",
                subject_type: "grant",
                subject_id: grant.into(),
            };
            Ok(app::notify::notify(tx, &state, &notice).await?)
        })
    }
}
