//! The inbox, as JSON.

use axum::Json;
use axum::extract::{Path, State};
use http::HeaderMap;
use proto::notification::v1::{FeedItem, ListFeedRequest, MarkReadRequest};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::{IntoParams, ToSchema};

use super::documents::IDEMPOTENCY_KEY;
use super::extract::Query;
use crate::App;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// One row of the feed; the same shape on the live streams.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotificationView {
    /// Number of the row in the recipient's feed, from 1, without gaps. Resume with `after=<seq>`.
    seq: i64,
    /// UUIDv7 of the notification.
    id: String,
    /// What it is about, for example `document`.
    category: String,
    /// What happened, for example `document.ready`.
    status: String,
    /// Machine code that refines the status, for example `INFECTED`; else `null`.
    code: Option<String>,
    /// Kind of the thing it is about.
    subject_type: String,
    /// Id of the thing it is about.
    subject_id: String,
    /// Headline in the recipient's language.
    title: String,
    /// Text in the recipient's language.
    body: String,
    /// RFC 3339, UTC.
    created_at: Option<String>,
    /// Whether the notification was read.
    read: bool,
}

impl From<FeedItem> for NotificationView {
    fn from(item: FeedItem) -> Self {
        Self {
            seq: item.seq,
            id: item.notification_id,
            category: item.category,
            status: item.status,
            code: Some(item.code).filter(|code| !code.is_empty()),
            subject_type: item.subject_type,
            subject_id: item.subject_id,
            title: item.title,
            body: item.body,
            created_at: item.created_at.and_then(rfc3339),
            read: item.read,
        }
    }
}

/// A protobuf timestamp as RFC 3339 in UTC; `None` where it is out of range.
#[must_use]
pub fn rfc3339(at: prost_types::Timestamp) -> Option<String> {
    let nanos = i128::from(at.seconds) * 1_000_000_000 + i128::from(at.nanos);
    OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?.format(&Rfc3339).ok()
}

/// Which part of the feed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct After {
    /// Rows above this number; default 0, all.
    after: Option<i64>,
    /// How many at most; default 50, max 200.
    page_size: Option<i32>,
}

/// A part of the feed, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotificationList {
    /// The rows.
    notifications: Vec<NotificationView>,
    /// Highest number of the feed; there is more while it is above the last row's.
    head: i64,
}

/// Lists the caller's feed. Strongly consistent.
#[utoipa::path(get, path = "/v1/notifications", tag = "notifications", params(After),
    security(("session" = []), ("bearer" = [])),
    responses((status = 200, body = NotificationList), (status = 401, body = Problem), (status = 422, body = Problem)))]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    Query(query): Query<After>,
) -> Result<Json<NotificationList>> {
    let message = ListFeedRequest {
        recipient_id: String::new(),
        after_seq: query.after.unwrap_or_default(),
        page_size: query.page_size.unwrap_or_default(),
    };
    let request = Services::forward(&principal, None, message)?;
    let answer = app.services.notification.clone().list_feed(request).await?.into_inner();
    Ok(Json(NotificationList {
        notifications: answer.items.into_iter().map(NotificationView::from).collect(),
        head: answer.head_seq,
    }))
}

/// The notification is read.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReadView {
    /// UUIDv7 of the notification.
    id: String,
    /// When it was first read, RFC 3339, UTC.
    read_at: Option<String>,
}

/// Marks a notification as read.
#[utoipa::path(post, path = "/v1/notifications/{id}/read", tag = "notifications",
    security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the notification."),
        ("idempotency-key" = String, Header, description = "1 to 255 visible ASCII characters.")),
    responses((status = 200, body = ReadView), (status = 404, body = Problem)))]
pub async fn read(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<ReadView>> {
    let message = MarkReadRequest { notification_id: id.clone() };
    let request = Services::forward(&principal, headers.get(IDEMPOTENCY_KEY), message)?;
    let answer = app.services.notification.clone().mark_read(request).await?.into_inner();
    Ok(Json(ReadView { id, read_at: answer.read_at.and_then(rfc3339) }))
}
