//! `POST /v1/staff/dead-letters/redrive`

use axum::Json;
use axum::extract::State;
use http::HeaderMap;
use proto::operations::v1::{RedriveDeadLettersRequest, StoppedKey};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Owner;
use crate::App;
use crate::http::documents::{IDEMPOTENCY_KEY, replay_headers};
use crate::http::extract;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Which dead letters: exactly one of `ids`, `key` and `all`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// The service that set them aside.
    service: Owner,
    /// Those of the keys of these, up to 100 ids.
    #[serde(default)]
    ids: Vec<String>,
    /// Those of one key.
    key: Option<String>,
    /// All of them.
    #[serde(default)]
    all: bool,
    /// How many at most; default 100, max 1,000.
    limit: Option<i32>,
}

/// What a redrive did.
#[derive(Debug, Serialize, ToSchema)]
pub struct RedriveView {
    /// How many were applied or, for the outbox, given back to the relay.
    redriven: i32,
    /// Keys that stopped at one that cannot be applied.
    stopped: Vec<StoppedView>,
    /// How many of the selection are left; send again, with another key, to go on.
    left: i64,
}

/// A key that cannot go on.
#[derive(Debug, Serialize, ToSchema)]
pub struct StoppedView {
    /// Id of the dead letter it stopped at.
    id: String,
    /// The key; `null` where there is none.
    key: Option<String>,
    /// Why, UPPER_SNAKE_CASE; `UNAVAILABLE`: what is needed is away, try again.
    reason: String,
    /// Which rule was broken; `null` where nothing more is known.
    detail: Option<String>,
}

impl From<StoppedKey> for StoppedView {
    fn from(stopped: StoppedKey) -> Self {
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        Self { id: stopped.id, key: some(stopped.key), reason: stopped.reason, detail: some(stopped.detail) }
    }
}

/// Applies or publishes the tenant's dead letters after all, each key in order up to its first failure. For staff.
#[utoipa::path(post, path = "/v1/staff/dead-letters/redrive", tag = "staff",
    security(("session" = []), ("bearer" = [])), request_body = Selection,
    params(("idempotency-key" = String, Header, description = "1 to 255 visible ASCII characters.")),
    responses((status = 200, body = RedriveView), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn redrive(
    State(app): State<App>,
    principal: Principal,
    headers: HeaderMap,
    extract::Json(selection): extract::Json<Selection>,
) -> Result<(HeaderMap, Json<RedriveView>)> {
    let message = RedriveDeadLettersRequest {
        ids: selection.ids,
        key: selection.key.unwrap_or_default(),
        all: selection.all,
        limit: selection.limit.unwrap_or_default(),
        ..RedriveDeadLettersRequest::default()
    };
    let request = Services::forward(&principal, headers.get(IDEMPOTENCY_KEY), message)?;
    let answer = selection.service.client(&app.services).redrive_dead_letters(request).await?;
    let replayed = replay_headers(answer.metadata());
    let answer = answer.into_inner();
    let stopped = answer.stopped.into_iter().map(StoppedView::from).collect();
    Ok((replayed, Json(RedriveView { redriven: answer.redriven, stopped, left: answer.left })))
}
