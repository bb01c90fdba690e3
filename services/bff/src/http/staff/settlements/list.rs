//! `GET /v1/staff/settlements`

use axum::Json;
use axum::extract::State;
use proto::payment::v1::ListSettlementsRequest;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::SettlementView;
use crate::App;
use crate::http::extract::Query;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Which settlements.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// How many at most; default 50, max 200.
    page_size: Option<i32>,
    /// `next_page_token` of the page before.
    page_token: Option<String>,
    /// Only those with lines that do not match; default `false`.
    unmatched_only: Option<bool>,
}

/// A page of settlements, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct SettlementList {
    /// The settlements.
    settlements: Vec<SettlementView>,
    /// Token of the next page; `null` on the last.
    next_page_token: Option<String>,
}

/// Lists what providers have settled, day by day. For finance staff. Strongly consistent.
#[utoipa::path(get, path = "/v1/staff/settlements", tag = "staff", params(Which),
    security(("session" = []), ("bearer" = [])),
    responses((status = 200, body = SettlementList), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 422, body = Problem)))]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    Query(which): Query<Which>,
) -> Result<Json<SettlementList>> {
    let message = ListSettlementsRequest {
        page_size: which.page_size.unwrap_or_default(),
        page_token: which.page_token.unwrap_or_default(),
        unmatched_only: which.unmatched_only.unwrap_or_default(),
    };
    let request = Services::forward(&principal, None, message)?;
    let answer = app.services.ledger.clone().list_settlements(request).await?.into_inner();
    Ok(Json(SettlementList {
        settlements: answer.settlements.into_iter().map(SettlementView::from).collect(),
        next_page_token: Some(answer.next_page_token).filter(|token| !token.is_empty()),
    }))
}
