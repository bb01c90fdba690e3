//! `GET /v1/staff/settlements/{id}`

use axum::Json;
use axum::extract::{Path, State};
use proto::payment::v1::GetSettlementRequest;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{SettlementLineView, SettlementView};
use crate::App;
use crate::http::documents::incomplete;
use crate::http::extract::Query;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Which page of its lines.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// How many lines at most; default 50, max 200.
    page_size: Option<i32>,
    /// `next_page_token` of the page before.
    page_token: Option<String>,
}

/// A settlement and a page of its lines, those that do not match first.
#[derive(Debug, Serialize, ToSchema)]
pub struct SettlementPage {
    /// The settlement.
    settlement: SettlementView,
    /// The lines.
    lines: Vec<SettlementLineView>,
    /// Token of the next page; `null` on the last.
    next_page_token: Option<String>,
}

/// Reads a settlement and its lines, those that do not match first. For finance staff. Strongly consistent.
#[utoipa::path(get, path = "/v1/staff/settlements/{id}", tag = "staff",
    params(("id" = String, Path, description = "UUIDv7 of the settlement."), Page),
    security(("session" = []), ("bearer" = [])),
    responses((status = 200, body = SettlementPage), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn get(
    State(app): State<App>,
    principal: Principal,
    Path(settlement_id): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<SettlementPage>> {
    let message = GetSettlementRequest {
        settlement_id,
        page_size: page.page_size.unwrap_or_default(),
        page_token: page.page_token.unwrap_or_default(),
    };
    let request = Services::forward(&principal, None, message)?;
    let answer = app.services.ledger.clone().get_settlement(request).await?.into_inner();
    Ok(Json(SettlementPage {
        settlement: answer.settlement.ok_or_else(incomplete)?.into(),
        lines: answer.lines.into_iter().map(SettlementLineView::from).collect(),
        next_page_token: Some(answer.next_page_token).filter(|token| !token.is_empty()),
    }))
}
