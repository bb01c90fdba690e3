//! `GET /v1/staff/dead-letters`

use axum::Json;
use axum::extract::State;
use proto::operations::v1::ListDeadLettersRequest;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{DeadLetterView, Owner};
use crate::App;
use crate::http::extract::Query;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Which page of whose dead letters.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// The service that set them aside.
    service: Owner,
    /// How many at most; default 50, max 200.
    page_size: Option<i32>,
    /// `next_page_token` of the page before.
    page_token: Option<String>,
    /// Only those of this key.
    key: Option<String>,
}

/// A page of dead letters, in the order in which they were set aside.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeadLetterList {
    /// The dead letters; fewer than asked for, or none, also before the last page.
    dead_letters: Vec<DeadLetterView>,
    /// Token of the next page; `null` on the last.
    next_page_token: Option<String>,
}

/// Lists the tenant's events that a service could not apply or publish. For staff. Strongly consistent.
#[utoipa::path(get, path = "/v1/staff/dead-letters", tag = "staff", params(Page),
    security(("session" = []), ("bearer" = [])),
    responses((status = 200, body = DeadLetterList), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 422, body = Problem)))]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    Query(page): Query<Page>,
) -> Result<Json<DeadLetterList>> {
    let message = ListDeadLettersRequest {
        page_size: page.page_size.unwrap_or_default(),
        page_token: page.page_token.unwrap_or_default(),
        key: page.key.unwrap_or_default(),
        ..ListDeadLettersRequest::default()
    };
    let request = Services::forward(&principal, None, message)?;
    let answer = page.service.client(&app.services).list_dead_letters(request).await?.into_inner();
    let letters = answer.dead_letters.into_iter();
    Ok(Json(DeadLetterList {
        dead_letters: letters.map(|letter| DeadLetterView::new(page.service, letter)).collect(),
        next_page_token: Some(answer.next_page_token).filter(|token| !token.is_empty()),
    }))
}
