//! `POST /v1/staff/policies/{service}/{kind}`

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use proto::operations::v1::{CheckPolicyRequest, PublishPolicyRequest};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{ChangeView, PolicyOwner, PolicyView, ViolationView, incomplete};
use crate::App;
use crate::http::documents::{IDEMPOTENCY_KEY, replay_headers};
use crate::http::extract;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// What to put in force, or to try.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Publication {
    /// What it shall say.
    #[schema(value_type = Object)]
    body: Map<String, Value>,
    /// The version in force that the body was written against.
    expected_version: i32,
    /// Why: a code or the id of a ticket, 1 to 64 of `A-Z`, `a-z`, `0-9`, `.`, `_` and `-`. A dry run needs none.
    note: Option<String>,
    /// Tells broken rules and changes, and changes nothing. Default false.
    #[serde(default)]
    dry_run: bool,
}

/// What publishing would come to.
#[derive(Debug, Serialize, ToSchema)]
pub struct DryRun {
    /// The version in force.
    current_version: i32,
    /// Rules that the body breaks; while there is one it cannot be published.
    violations: Vec<ViolationView>,
    /// What it would change; none while a rule is broken.
    changes: Vec<ChangeView>,
}

/// Puts the next version of one of the tenant's policies in force, or tells what that would come to. For staff; to
/// publish, with the role `admin`. To go back is to publish an old body again.
#[utoipa::path(post, path = "/v1/staff/policies/{service}/{kind}", tag = "staff",
    security(("session" = []), ("bearer" = [])), request_body = Publication,
    params(("service" = PolicyOwner, Path, description = "The service that obeys it."),
        ("kind" = String, Path, description = "Kind of policy."),
        ("idempotency-key" = String, Header, description = "1 to 255 visible ASCII characters; not looked at in a dry run.")),
    responses((status = 200, body = DryRun, description = "A dry run: nothing was changed."),
        (status = 201, body = PolicyView, description = "It is in force."), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
pub async fn publish(
    State(app): State<App>,
    principal: Principal,
    Path((service, kind)): Path<(String, String)>,
    headers: HeaderMap,
    extract::Json(publication): extract::Json<Publication>,
) -> Result<Response> {
    let service = PolicyOwner::parse(&service)?;
    let body_json = Value::Object(publication.body).to_string();
    let mut client = service.client(&app.services);
    if publication.dry_run {
        let request = Services::forward(&principal, None, CheckPolicyRequest { kind, body_json })?;
        let answer = client.check_policy(request).await?.into_inner();
        let dry_run = DryRun {
            current_version: answer.current_version,
            violations: answer.violations.into_iter().map(ViolationView::from).collect(),
            changes: answer.changes.into_iter().map(ChangeView::from).collect(),
        };
        return Ok(Json(dry_run).into_response());
    }
    let expected_version = publication.expected_version;
    let note = publication.note.unwrap_or_default();
    let message = PublishPolicyRequest { kind, body_json, expected_version, note };
    let request = Services::forward(&principal, headers.get(IDEMPOTENCY_KEY), message)?;
    let answer = client.publish_policy(request).await?;
    let replayed = replay_headers(answer.metadata());
    let policy = answer.into_inner().policy.ok_or_else(incomplete)?;
    Ok((StatusCode::CREATED, replayed, Json(PolicyView::new(service, policy))).into_response())
}
