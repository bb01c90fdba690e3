//! `GET /v1/staff/audit/{service}`

use axum::Json;
use axum::extract::{Path, State};
use proto::operations::v1::GetAuditHeadRequest;
use serde::Serialize;
use utoipa::ToSchema;

use super::{ChainOwner, CheckpointView};
use crate::App;
use crate::http::notifications::rfc3339;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// How far a chain has come.
#[derive(Debug, Serialize, ToSchema)]
pub struct HeadView {
    /// The newest entry; 0 where there is none.
    seq: i64,
    /// Its hash, hexadecimal; empty where there is none.
    hash: String,
    /// The newest checkpoint; `null` where there is none.
    checkpoint: Option<CheckpointView>,
}

/// Tells how far the tenant's audit chain has come. For staff.
#[utoipa::path(get, path = "/v1/staff/audit/{service}", tag = "staff",
    security(("session" = []), ("bearer" = [])),
    params(("service" = ChainOwner, Path, description = "The service whose chain it is.")),
    responses((status = 200, body = HeadView), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
pub async fn head(
    State(app): State<App>,
    principal: Principal,
    Path(service): Path<String>,
) -> Result<Json<HeadView>> {
    let mut client = service.parse::<ChainOwner>()?.client(&app.services);
    let request = Services::forward(&principal, None, GetAuditHeadRequest {})?;
    let head = client.get_audit_head(request).await?.into_inner();
    Ok(Json(HeadView {
        seq: head.seq,
        hash: hex::encode(head.hash),
        checkpoint: head.checkpoint.map(|checkpoint| CheckpointView {
            seq: checkpoint.seq,
            hash: hex::encode(checkpoint.hash),
            signed_at: checkpoint.signed_at.and_then(rfc3339),
            key: checkpoint.key,
            signature: checkpoint.signature,
        }),
    }))
}
