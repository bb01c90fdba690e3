//! `GET /v1/staff/policies/{service}`

use axum::Json;
use axum::extract::{Path, State};
use proto::operations::v1::ListPoliciesRequest;
use serde::Serialize;
use utoipa::ToSchema;

use super::{PolicyOwner, PolicyView};
use crate::App;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// What is in force.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolicyList {
    /// A policy per kind.
    policies: Vec<PolicyView>,
}

/// Lists the tenant's policies that are in force in a service. For staff. Strongly consistent.
#[utoipa::path(get, path = "/v1/staff/policies/{service}", tag = "staff",
    security(("session" = []), ("bearer" = [])),
    params(("service" = PolicyOwner, Path, description = "The service that obeys them.")),
    responses((status = 200, body = PolicyList), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    Path(service): Path<String>,
) -> Result<Json<PolicyList>> {
    let service = PolicyOwner::parse(&service)?;
    let request = Services::forward(&principal, None, ListPoliciesRequest {})?;
    let answer = service.client(&app.services).list_policies(request).await?.into_inner();
    let policies = answer.policies.into_iter().map(|policy| PolicyView::new(service, policy));
    Ok(Json(PolicyList { policies: policies.collect() }))
}
