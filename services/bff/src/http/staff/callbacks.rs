//! `GET /v1/staff/callbacks`

use axum::Json;
use axum::extract::State;
use proto::payment::v1::{ListUnknownCallbacksRequest, UnknownCallback};
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;
use crate::http::documents::list::Page;
use crate::http::extract::Query;
use crate::http::notifications::rfc3339;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// A page of callbacks, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct CallbackList {
    /// The callbacks.
    callbacks: Vec<CallbackView>,
    /// Token of the next page; `null` on the last.
    next_page_token: Option<String>,
}

/// A payment provider's callback about no payment of ours: what it says of itself, in the provider's words.
#[derive(Debug, Serialize, ToSchema)]
pub struct CallbackView {
    /// UUIDv7.
    id: String,
    /// The account that was called.
    account: String,
    /// RFC 3339, UTC.
    received_at: Option<String>,
    /// What it says has happened; `null` where that was not noted.
    event_type: Option<String>,
    /// What the provider calls the thing it is about; `null` where it does not say.
    provider_reference: Option<String>,
}

impl From<UnknownCallback> for CallbackView {
    fn from(callback: UnknownCallback) -> Self {
        let said = |text: String| Some(text).filter(|text| !text.is_empty());
        Self {
            id: callback.callback_id,
            account: callback.account_id,
            received_at: callback.received_at.and_then(rfc3339),
            event_type: said(callback.event_type),
            provider_reference: said(callback.provider_reference),
        }
    }
}

/// Lists callbacks of the last 30 days that are about no payment of ours, newest first. For finance staff. Strongly consistent.
#[utoipa::path(get, path = "/v1/staff/callbacks", tag = "staff", params(Page),
    security(("session" = []), ("bearer" = [])),
    responses((status = 200, body = CallbackList), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 422, body = Problem)))]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    Query(page): Query<Page>,
) -> Result<Json<CallbackList>> {
    let message = ListUnknownCallbacksRequest {
        page_size: page.page_size.unwrap_or_default(),
        page_token: page.page_token.unwrap_or_default(),
    };
    let request = Services::forward(&principal, None, message)?;
    let answer = app.services.payment.clone().list_unknown_callbacks(request).await?.into_inner();
    Ok(Json(CallbackList {
        callbacks: answer.callbacks.into_iter().map(CallbackView::from).collect(),
        next_page_token: Some(answer.next_page_token).filter(|token| !token.is_empty()),
    }))
}
