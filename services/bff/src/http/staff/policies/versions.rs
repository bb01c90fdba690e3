//! `GET /v1/staff/policies/{service}/{kind}/versions`

use axum::Json;
use axum::extract::{Path, State};
use proto::operations::v1::ListPolicyVersionsRequest;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{PolicyOwner, PolicyView};
use crate::App;
use crate::http::extract::Query;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Which page of the versions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct VersionPage {
    /// How many at most; default 50, max 200.
    page_size: Option<i32>,
    /// `next_page_token` of the page before.
    page_token: Option<String>,
}

/// A page of published versions, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolicyVersionList {
    /// The versions, without bodies.
    policies: Vec<PolicyView>,
    /// Token of the next page; `null` on the last.
    next_page_token: Option<String>,
}

/// Lists the published versions of one of the tenant's policies. For staff. Strongly consistent.
#[utoipa::path(get, path = "/v1/staff/policies/{service}/{kind}/versions", tag = "staff",
    security(("session" = []), ("bearer" = [])),
    params(("service" = PolicyOwner, Path, description = "The service that obeys it."),
        ("kind" = String, Path, description = "Kind of policy."), VersionPage),
    responses((status = 200, body = PolicyVersionList), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn versions(
    State(app): State<App>,
    principal: Principal,
    Path((service, kind)): Path<(String, String)>,
    Query(page): Query<VersionPage>,
) -> Result<Json<PolicyVersionList>> {
    let service = PolicyOwner::parse(&service)?;
    let message = ListPolicyVersionsRequest {
        kind,
        page_size: page.page_size.unwrap_or_default(),
        page_token: page.page_token.unwrap_or_default(),
    };
    let request = Services::forward(&principal, None, message)?;
    let answer = service.client(&app.services).list_policy_versions(request).await?.into_inner();
    let policies = answer.policies.into_iter().map(|policy| PolicyView::new(service, policy));
    Ok(Json(PolicyVersionList {
        policies: policies.collect(),
        next_page_token: Some(answer.next_page_token).filter(|token| !token.is_empty()),
    }))
}
