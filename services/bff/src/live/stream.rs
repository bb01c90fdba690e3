//! The two ways to follow a feed: WebSocket and server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use axum::response::sse::Event;
use futures::Stream;
use proto::notification::v1::ListFeedResponse;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::Subscription;
use crate::http::notifications::NotificationView;

/// A silent connection is probed this often.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// A client that does not take a message in this time is cut; it resumes from its last number.
const SEND_WITHIN: Duration = Duration::from_secs(10);

/// After this long a client must come back with a fresh token.
const LIFETIME: Duration = Duration::from_secs(3600);

/// Pause after a failed `ListFeed`.
const PAUSE: Duration = Duration::from_secs(1);

/// 1001: going away; the client comes back with its last number.
const GOING_AWAY: u16 = 1001;

/// Sends the feed above `after` over a WebSocket, a JSON text per row, until the client leaves.
pub async fn websocket(
    mut socket: WebSocket,
    mut feed: Subscription,
    mut after: i64,
    stop: CancellationToken,
) {
    let end = Instant::now() + LIFETIME;
    let mut heartbeat = tokio::time::interval(HEARTBEAT);
    // The first look at the feed needs no hint.
    let mut listed = false;
    loop {
        let rows = async { if listed { feed.next(after).await } else { feed.list(after).await } };
        tokio::select! {
            rows = rows => {
                let Some(rows) = settled(rows, listed).await else { continue };
                listed = true;
                for item in rows.items {
                    let seq = item.seq;
                    let Ok(text) = serde_json::to_string(&NotificationView::from(item)) else { return };
                    if !send(&mut socket, Message::Text(text.into())).await { return }
                    after = seq;
                }
            }
            message = socket.recv() => match message {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                // Nothing is expected from the client; pongs and chatter are dropped.
                Some(Ok(_)) => {}
            },
            _ = heartbeat.tick() => {
                if !send(&mut socket, Message::Ping(Vec::new().into())).await { return }
            }
            () = tokio::time::sleep_until(end) => break,
            () = stop.cancelled() => break,
        }
    }
    let close =
        CloseFrame { code: GOING_AWAY, reason: Utf8Bytes::from(format!("resume with after={after}")) };
    send(&mut socket, Message::Close(Some(close))).await;
}

async fn send(socket: &mut WebSocket, message: Message) -> bool {
    matches!(timeout(SEND_WITHIN, socket.send(message)).await, Ok(Ok(())))
}

/// The rows, or `None` after a pause when they could not be read. A hint without a row (`hinted`) pauses too, so that
/// a feed behind its hints is not asked in a tight loop.
async fn settled(rows: Result<ListFeedResponse, rpc_error::Error>, hinted: bool) -> Option<ListFeedResponse> {
    match rows {
        Ok(rows) => {
            if hinted && rows.items.is_empty() {
                tokio::time::sleep(PAUSE).await;
            }
            Some(rows)
        }
        Err(error) => {
            tracing::warn!(reason = error.reason(), "feed not listed");
            tokio::time::sleep(PAUSE).await;
            None
        }
    }
}

struct Following {
    feed: Subscription,
    after: i64,
    listed: bool,
    queue: std::collections::VecDeque<proto::notification::v1::FeedItem>,
}

/// The feed above `after` as server-sent events; the id of each is its number, so that browsers resume by themselves.
pub fn sse(
    feed: Subscription,
    after: i64,
    stop: CancellationToken,
) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let start = Following { feed, after, listed: false, queue: std::collections::VecDeque::new() };
    let end = Instant::now() + LIFETIME;
    futures::stream::unfold(start, move |mut state| {
        let stop = stop.clone();
        async move {
            loop {
                if let Some(item) = state.queue.pop_front() {
                    state.after = item.seq;
                    let event = Event::default().event("notification").id(item.seq.to_string());
                    let event = event.json_data(NotificationView::from(item)).ok()?;
                    return Some((Ok(event), state));
                }
                let rows = async {
                    if state.listed {
                        state.feed.next(state.after).await
                    } else {
                        state.feed.list(state.after).await
                    }
                };
                let rows = tokio::select! {
                    rows = rows => rows,
                    () = tokio::time::sleep_until(end) => return None,
                    () = stop.cancelled() => return None,
                };
                if let Some(rows) = settled(rows, state.listed).await {
                    state.listed = true;
                    state.queue.extend(rows.items);
                }
            }
        }
    })
}
