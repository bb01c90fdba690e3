use idempotency::{KEEP, Key, Scope};
use ids::Subject;
use proto::Operation;
use proto::notification::v1::{RequestErasureRequest, RequestErasureResponse};
use rpc_error::{Code, Error, reason};
use tonic::{Request, Response};

use super::erasure;
use crate::{State, app, error};

pub(super) async fn call(
    state: &State,
    request: Request<RequestErasureRequest>,
) -> Result<Response<RequestErasureResponse>, Error> {
    let caller = auth::caller(&request)?.clone();
    let scope = Scope {
        tenant: caller.tenant,
        principal: caller.subject.clone(),
        operation: Operation::NotificationRequestErasure,
        key: Key::from_metadata(request.metadata())?,
    };
    let request = request.into_inner();
    let subject = request.subject.parse::<Subject>().map_err(|rule| {
        let text = "the subject cannot be used";
        Error::new(Code::InvalidArgument, reason::RECIPIENT_INVALID, text)
            .violation("subject", rule.to_string())
    })?;
    let (shared, by) = (state.clone(), caller.subject);
    let outcome = idempotency::run::<_, _, error::Error, _>(
        &state.db,
        &state.clock,
        &scope,
        &request,
        KEEP,
        move |tx| {
            Box::pin(async move {
                let requested = app::erasure::request(tx, &shared, subject, &by).await?;
                Ok(RequestErasureResponse { erasure: Some(erasure(requested)) })
            })
        },
    );
    Ok(outcome.await?.into_response())
}
