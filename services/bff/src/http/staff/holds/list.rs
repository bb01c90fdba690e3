//! `GET /v1/staff/holds`

use axum::Json;
use axum::extract::State;
use proto::document::v1::ListHoldsRequest;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::HoldView;
use crate::App;
use crate::http::extract::Query;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Which page of which holds.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Only those on this document.
    document_id: Option<String>,
    /// Only those of this case.
    case: Option<String>,
    /// Leaves out holds that are over; default `false`.
    standing_only: Option<bool>,
    /// How many at most; default 50, max 200.
    page_size: Option<i32>,
    /// `next_page_token` of the page before.
    page_token: Option<String>,
}

/// A page of holds, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct HoldList {
    /// The holds.
    holds: Vec<HoldView>,
    /// Token of the next page; `null` on the last.
    next_page_token: Option<String>,
}

/// Lists holds of a document, of a case, or of the tenant. For staff. Strongly consistent.
#[utoipa::path(get, path = "/v1/staff/holds", tag = "staff", params(Page),
    security(("session" = []), ("bearer" = [])),
    responses((status = 200, body = HoldList), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    Query(page): Query<Page>,
) -> Result<Json<HoldList>> {
    let message = ListHoldsRequest {
        document_id: page.document_id.unwrap_or_default(),
        case_ref: page.case.unwrap_or_default(),
        standing_only: page.standing_only.unwrap_or_default(),
        page_size: page.page_size.unwrap_or_default(),
        page_token: page.page_token.unwrap_or_default(),
    };
    let request = Services::forward(&principal, None, message)?;
    let answer = app.services.cases.clone().list_holds(request).await?.into_inner();
    Ok(Json(HoldList {
        holds: answer.holds.into_iter().map(HoldView::from).collect(),
        next_page_token: Some(answer.next_page_token).filter(|token| !token.is_empty()),
    }))
}
