//! `ProveAuditEvents`.

use ids::EventId;
use proto::operations::v1;
use rpc_error::{Code, reason};
use tonic::{Request, Response};

use super::Api;
use crate::prove;

const MAX: usize = 100;

pub(crate) async fn call(
    api: &Api,
    request: &Request<v1::ProveAuditEventsRequest>,
) -> Result<Response<v1::ProveAuditEventsResponse>, rpc_error::Error> {
    let tenant = auth::caller(request)?.tenant.clone();
    let ids = ids(&request.get_ref().event_ids)?;
    let (service, keys) = (api.books.service.clone(), api.books.keys.clone());
    let proven = api
        .books
        .db
        .tenant(&tenant, move |tx| Box::pin(async move { prove(tx, &service, &keys, &ids).await }))
        .await?;
    if !proven.unknown.is_empty() {
        return Err(rpc_error::Error::new(
            Code::NotFound,
            reason::AUDIT_EVENT_NOT_FOUND,
            "an event is not in the chain, or not yet",
        ));
    }
    let proofs = proven.proofs.iter().map(serde_json::to_string).collect::<Result<_, _>>();
    Ok(Response::new(v1::ProveAuditEventsResponse {
        proofs_json: proofs.map_err(rpc_error::Error::internal)?,
        unproven_event_ids: proven.unproven.iter().map(ToString::to_string).collect(),
    }))
}

fn ids(texts: &[String]) -> Result<Vec<EventId>, rpc_error::Error> {
    let ids: Option<Vec<EventId>> = texts.iter().map(|text| text.parse().ok()).collect();
    ids.filter(|ids| (1..=MAX).contains(&ids.len())).ok_or_else(|| {
        let message = "the list of events cannot be used";
        rpc_error::Error::new(Code::InvalidArgument, reason::AUDIT_EVENTS_INVALID, message)
            .violation("event_ids", format!("must be 1 to {MAX} ids of events, UUIDv7"))
    })
}
