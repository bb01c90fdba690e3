use idempotency::{KEEP, Key, Scope};
use ids::NotificationId;
use proto::Operation;
use proto::notification::v1::{MarkReadRequest, MarkReadResponse};
use rpc_error::Error;
use tonic::{Request, Response};

use super::timestamp;
use crate::{State, app, error};

pub(super) async fn call(
    state: &State,
    request: Request<MarkReadRequest>,
) -> Result<Response<MarkReadResponse>, Error> {
    let caller = auth::caller(&request)?.clone();
    let scope = Scope {
        tenant: caller.tenant,
        principal: caller.subject.clone(),
        operation: Operation::NotificationMarkRead,
        key: Key::from_metadata(request.metadata())?,
    };
    let request = request.into_inner();
    // What is no id is nobody's.
    let id = request.notification_id.parse::<NotificationId>();
    let id = id.map_err(|_| error::Error::NotificationNotFound)?;
    let (shared, subject) = (state.clone(), caller.subject);
    let outcome = idempotency::run::<_, _, error::Error, _>(
        &state.db,
        &state.clock,
        &scope,
        &request,
        KEEP,
        move |tx| {
            Box::pin(async move {
                let read_at = app::mark_read::mark_read(tx, &shared, &subject, id).await?;
                Ok(MarkReadResponse { read_at: Some(timestamp(read_at)) })
            })
        },
    );
    Ok(outcome.await?.into_response())
}
