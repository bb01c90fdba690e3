//! `GET /v1/staff/bill-runs`

use axum::Json;
use axum::extract::State;
use proto::payment::v1::ListRunsRequest;
use serde::Serialize;
use utoipa::ToSchema;

use super::BillRunView;
use crate::App;
use crate::http::documents::list::Page;
use crate::http::extract::Query;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// A page of runs, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct BillRunList {
    /// The runs.
    runs: Vec<BillRunView>,
    /// Token of the next page; `null` on the last.
    next_page_token: Option<String>,
}

/// Lists runs, newest first. Strongly consistent. For staff.
#[utoipa::path(get, path = "/v1/staff/bill-runs", tag = "staff", params(Page),
    security(("session" = []), ("bearer" = [])),
    responses((status = 200, body = BillRunList), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 422, body = Problem)))]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    Query(page): Query<Page>,
) -> Result<Json<BillRunList>> {
    let message = ListRunsRequest {
        page_size: page.page_size.unwrap_or_default(),
        page_token: page.page_token.unwrap_or_default(),
    };
    let request = Services::forward(&principal, None, message)?;
    let answer = app.services.billing.clone().list_runs(request).await?.into_inner();
    Ok(Json(BillRunList {
        runs: answer.runs.into_iter().map(Into::into).collect(),
        next_page_token: Some(answer.next_page_token).filter(|token| !token.is_empty()),
    }))
}
