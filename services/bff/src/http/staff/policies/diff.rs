//! `GET /v1/staff/policies/{service}/{kind}/diff`

use axum::Json;
use axum::extract::{Path, State};
use proto::operations::v1::DiffPolicyRequest;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{ChangeView, PolicyOwner};
use crate::App;
use crate::http::extract::Query;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Which versions to compare.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Versions {
    /// The version before.
    from: i32,
    /// The version after; the one in force when there is none.
    to: Option<i32>,
}

/// What differs.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolicyDiff {
    /// The differences, by place; lists are told whole.
    changes: Vec<ChangeView>,
}

/// Tells what differs between two versions of one of the tenant's policies. For staff. Strongly consistent.
#[utoipa::path(get, path = "/v1/staff/policies/{service}/{kind}/diff", tag = "staff",
    security(("session" = []), ("bearer" = [])),
    params(("service" = PolicyOwner, Path, description = "The service that obeys it."),
        ("kind" = String, Path, description = "Kind of policy."), Versions),
    responses((status = 200, body = PolicyDiff), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn diff(
    State(app): State<App>,
    principal: Principal,
    Path((service, kind)): Path<(String, String)>,
    Query(versions): Query<Versions>,
) -> Result<Json<PolicyDiff>> {
    let service = PolicyOwner::parse(&service)?;
    let message = DiffPolicyRequest { kind, from_version: versions.from, to_version: versions.to };
    let request = Services::forward(&principal, None, message)?;
    let answer = service.client(&app.services).diff_policy(request).await?.into_inner();
    Ok(Json(PolicyDiff { changes: answer.changes.into_iter().map(ChangeView::from).collect() }))
}
