//! `GET /v1/staff/policies/{service}/{kind}`

use axum::Json;
use axum::extract::{Path, State};
use proto::operations::v1::GetPolicyRequest;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{PolicyOwner, PolicyView, incomplete};
use crate::App;
use crate::http::extract::Query;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Which version.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// The version; the one in force when there is none.
    version: Option<i32>,
}

/// Reads a version of one of the tenant's policies. For staff. Strongly consistent.
#[utoipa::path(get, path = "/v1/staff/policies/{service}/{kind}", tag = "staff",
    security(("session" = []), ("bearer" = [])),
    params(("service" = PolicyOwner, Path, description = "The service that obeys it."),
        ("kind" = String, Path, description = "Kind of policy."), Wanted),
    responses((status = 200, body = PolicyView), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn get(
    State(app): State<App>,
    principal: Principal,
    Path((service, kind)): Path<(String, String)>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<PolicyView>> {
    let service = PolicyOwner::parse(&service)?;
    let message = GetPolicyRequest { kind, version: wanted.version };
    let request = Services::forward(&principal, None, message)?;
    let answer = service.client(&app.services).get_policy(request).await?.into_inner();
    Ok(Json(PolicyView::new(service, answer.policy.ok_or_else(incomplete)?)))
}
