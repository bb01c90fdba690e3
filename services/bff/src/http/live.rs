//! Live status.

use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use rpc_error::{Code, Error, reason};
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::Query;
use super::notifications::NotificationView;
use crate::App;
use crate::live::Subscription;
use crate::principal::Principal;
use crate::problem::{Problem, Result};

/// A comment this often keeps proxies from closing a silent stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Where to resume.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Resume {
    /// Rows above this number are sent first; without it, only new rows.
    after: Option<i64>,
}

/// Follows the caller's feed over a WebSocket: a JSON text per row, in order, without gap or repeat.
///
/// The server closes with 1001 when the client should come back with its last number.
#[utoipa::path(get, path = "/ws/notifications", tag = "notifications", params(Resume),
    security(("session" = []), ("bearer" = [])),
    responses((status = 101, body = NotificationView), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub async fn websocket(
    State(app): State<App>,
    principal: Principal,
    headers: HeaderMap,
    Query(resume): Query<Resume>,
    upgrade: std::result::Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response> {
    // Browsers send the cookie from any page, so a page of a stranger must be refused here.
    if principal.session.is_some() {
        check_origin(&app, &headers)?;
    }
    let upgrade = upgrade.map_err(|_| {
        Error::new(Code::Malformed, reason::REQUEST_MALFORMED, "this address takes WebSocket upgrades only")
    })?;
    let (feed, after) = subscribe(&app, &principal, resume.after).await?;
    // The guard makes a stopping service wait for the close frame.
    let (stop, guard) = (app.shutdown.token(), app.shutdown.guard("websocket"));
    Ok(upgrade
        .max_message_size(1024)
        .on_upgrade(async move |socket| {
            crate::live::websocket(socket, feed, after, stop).await;
            drop(guard);
        })
        .into_response())
}

/// Follows the caller's feed as server-sent events; honours `Last-Event-ID`.
#[utoipa::path(get, path = "/v1/events", tag = "notifications", params(Resume),
    security(("session" = []), ("bearer" = [])),
    responses((status = 200, content_type = "text/event-stream", body = NotificationView), (status = 401, body = Problem)))]
pub async fn sse(
    State(app): State<App>,
    principal: Principal,
    headers: HeaderMap,
    Query(resume): Query<Resume>,
) -> Result<Response> {
    let last = match headers.get("last-event-id") {
        None => None,
        Some(value) => Some(value.to_str().ok().and_then(|value| value.parse().ok()).ok_or_else(|| {
            Error::new(Code::InvalidArgument, reason::SEQUENCE_INVALID, "`last-event-id` must be a number")
                .violation("last-event-id", "must be the id of an event of this stream")
        })?),
    };
    let (feed, after) = subscribe(&app, &principal, last.or(resume.after)).await?;
    let events = crate::live::sse(feed, after, app.shutdown.token());
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

async fn subscribe(app: &App, principal: &Principal, after: Option<i64>) -> Result<(Subscription, i64)> {
    if after.is_some_and(|after| after < 0) {
        let error = Error::new(Code::InvalidArgument, reason::SEQUENCE_INVALID, "`after` must be 0 or above");
        return Err(error.violation("after", "must be 0 or above").into());
    }
    let recipient = principal.recipient(app).await?;
    let feed = app.hub.subscribe(principal.caller.tenant.clone(), recipient);
    let after = match after {
        Some(after) => after,
        // Only new rows: start at the head of now.
        None => feed.list(i64::MAX).await?.head_seq,
    };
    Ok((feed, after))
}

fn check_origin(app: &App, headers: &HeaderMap) -> std::result::Result<(), Error> {
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    if origin.is_some_and(|origin| app.config.http.allowed_origins.iter().any(|allowed| allowed == origin)) {
        return Ok(());
    }
    Err(Error::new(
        Code::PermissionDenied,
        reason::ORIGIN_NOT_ALLOWED,
        "scripts of this origin may not use the session",
    ))
}
