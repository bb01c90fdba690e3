//! `GET /v1/staff/audit/{service}/proofs`

use axum::Json;
use axum::extract::{Path, State};
use proto::operations::v1::ProveAuditEventsRequest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::ChainOwner;
use crate::App;
use crate::http::extract::Query;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// What to prove.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Events {
    /// Ids of events, comma-separated, 1 to 100.
    event_ids: String,
}

/// Proofs of events.
#[derive(Debug, Serialize, ToSchema)]
pub struct Proofs {
    /// A proof for every checkpoint that covers some of the events: the events by their place, the digests from the first of them
    /// to the checkpoint, and the checkpoint. `libs/evidence` has the format.
    #[schema(value_type = Vec<Object>)]
    proofs: Vec<Value>,
    /// Events that no checkpoint covers yet; ask again after a minute.
    unproven_event_ids: Vec<String>,
}

/// Proves events to somebody who has the public keys only. For staff.
#[utoipa::path(get, path = "/v1/staff/audit/{service}/proofs", tag = "staff",
    security(("session" = []), ("bearer" = [])),
    params(("service" = ChainOwner, Path, description = "The service whose chain it is."), Events),
    responses((status = 200, body = Proofs), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
pub async fn prove(
    State(app): State<App>,
    principal: Principal,
    Path(service): Path<String>,
    Query(events): Query<Events>,
) -> Result<Json<Proofs>> {
    let mut client = service.parse::<ChainOwner>()?.client(&app.services);
    let event_ids = events.event_ids.split(',').map(|id| id.trim().to_owned()).collect();
    let request = Services::forward(&principal, None, ProveAuditEventsRequest { event_ids })?;
    let answer = client.prove_audit_events(request).await?.into_inner();
    let proofs = answer.proofs_json.iter().map(|json| serde_json::from_str(json));
    Ok(Json(Proofs {
        proofs: proofs.collect::<std::result::Result<_, _>>().map_err(rpc_error::Error::internal)?,
        unproven_event_ids: answer.unproven_event_ids,
    }))
}
