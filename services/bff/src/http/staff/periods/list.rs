//! `GET /v1/staff/periods`

use axum::Json;
use axum::extract::State;
use proto::payment::v1::ListPeriodsRequest;
use serde::Serialize;
use utoipa::ToSchema;

use super::PeriodView;
use crate::App;
use crate::http::documents::list::Page;
use crate::http::extract::Query;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// A page of months, the one proposed last first.
#[derive(Debug, Serialize, ToSchema)]
pub struct PeriodList {
    /// The months.
    periods: Vec<PeriodView>,
    /// Token of the next page; `null` on the last.
    next_page_token: Option<String>,
}

/// Lists months of the books that are closed, or are to be. For staff. Strongly consistent.
#[utoipa::path(get, path = "/v1/staff/periods", tag = "staff", params(Page),
    security(("session" = []), ("bearer" = [])),
    responses((status = 200, body = PeriodList), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 422, body = Problem)))]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    Query(page): Query<Page>,
) -> Result<Json<PeriodList>> {
    let message = ListPeriodsRequest {
        page_size: page.page_size.unwrap_or_default(),
        page_token: page.page_token.unwrap_or_default(),
    };
    let request = Services::forward(&principal, None, message)?;
    let answer = app.services.ledger.clone().list_periods(request).await?.into_inner();
    Ok(Json(PeriodList {
        periods: answer.periods.into_iter().map(PeriodView::from).collect(),
        next_page_token: Some(answer.next_page_token).filter(|token| !token.is_empty()),
    }))
}
