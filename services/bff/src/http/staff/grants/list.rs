//! `GET /v1/staff/grants`

use axum::Json;
use axum::extract::State;
use proto::document::v1::ListGrantsRequest;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::GrantView;
use crate::App;
use crate::http::extract::Query;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Which page of which grants.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Only those of this document; those of its cases are not among them.
    document_id: Option<String>,
    /// Only those of this case.
    case: Option<String>,
    /// Only those given to this person.
    grantee_subject: Option<String>,
    /// Only those given to this client.
    grantee_client: Option<String>,
    /// Leaves out grants that are over; default `false`.
    standing_only: Option<bool>,
    /// How many at most; default 50, max 200.
    page_size: Option<i32>,
    /// `next_page_token` of the page before.
    page_token: Option<String>,
}

/// A page of grants, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct GrantList {
    /// The grants.
    grants: Vec<GrantView>,
    /// Token of the next page; `null` on the last.
    next_page_token: Option<String>,
}

/// Lists grants of a document, of a case, of a grantee, or of the tenant. For staff. Strongly consistent.
#[utoipa::path(get, path = "/v1/staff/grants", tag = "staff", params(Page),
    security(("session" = []), ("bearer" = [])),
    responses((status = 200, body = GrantList), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    Query(page): Query<Page>,
) -> Result<Json<GrantList>> {
    let message = ListGrantsRequest {
        document_id: page.document_id.unwrap_or_default(),
        case_ref: page.case.unwrap_or_default(),
        grantee_subject: page.grantee_subject.unwrap_or_default(),
        grantee_client: page.grantee_client.unwrap_or_default(),
        standing_only: page.standing_only.unwrap_or_default(),
        page_size: page.page_size.unwrap_or_default(),
        page_token: page.page_token.unwrap_or_default(),
    };
    let request = Services::forward(&principal, None, message)?;
    let answer = app.services.sharing.clone().list_grants(request).await?.into_inner();
    Ok(Json(GrantList {
        grants: answer.grants.into_iter().map(GrantView::from).collect(),
        next_page_token: Some(answer.next_page_token).filter(|token| !token.is_empty()),
    }))
}
