//! `GET /v1/staff/audit/{service}/entries`

use axum::Json;
use axum::extract::{Path, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proto::operations::v1::{AuditEntry, ListAuditEntriesRequest};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ChainOwner;
use crate::App;
use crate::http::extract::Query;
use crate::http::notifications::rfc3339;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Which page of which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct EntryPage {
    /// Id of the thing that they are about; without it, all.
    subject: Option<String>,
    /// How many at most; default 50, max 200.
    page_size: Option<i32>,
    /// `next_page_token` of the page before.
    page_token: Option<String>,
}

/// A page of entries, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntryList {
    /// The entries.
    entries: Vec<EntryView>,
    /// Token of the next page; `null` on the last.
    next_page_token: Option<String>,
}

/// An event, as it was published.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntryView {
    /// Its place in the chain, from 1 without gaps.
    seq: i64,
    /// UUIDv7.
    event_id: String,
    /// Its type, for example `guildhall.document.ready.v1`.
    #[serde(rename = "type")]
    type_: String,
    /// Id of the thing that it is about.
    subject: String,
    /// RFC 3339, UTC.
    time: Option<String>,
    /// Which message the body is.
    schema: String,
    /// The message, protobuf in base64.
    body: String,
    /// SHA-256 over every field of the event, hexadecimal.
    digest: String,
    /// Hash of the entry, hexadecimal.
    hash: String,
}

impl From<AuditEntry> for EntryView {
    fn from(entry: AuditEntry) -> Self {
        Self {
            seq: entry.seq,
            event_id: entry.event_id,
            type_: entry.r#type,
            subject: entry.subject,
            time: entry.time.and_then(rfc3339),
            schema: entry.schema,
            body: STANDARD.encode(entry.body),
            digest: hex::encode(entry.digest),
            hash: hex::encode(entry.hash),
        }
    }
}

/// Lists what has happened, as the tenant's audit chain has it. For staff.
#[utoipa::path(get, path = "/v1/staff/audit/{service}/entries", tag = "staff",
    security(("session" = []), ("bearer" = [])),
    params(("service" = ChainOwner, Path, description = "The service whose chain it is."), EntryPage),
    responses((status = 200, body = EntryList), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    Path(service): Path<String>,
    Query(page): Query<EntryPage>,
) -> Result<Json<EntryList>> {
    let mut client = service.parse::<ChainOwner>()?.client(&app.services);
    let message = ListAuditEntriesRequest {
        subject: page.subject.unwrap_or_default(),
        page_size: page.page_size.unwrap_or_default(),
        page_token: page.page_token.unwrap_or_default(),
    };
    let request = Services::forward(&principal, None, message)?;
    let answer = client.list_audit_entries(request).await?.into_inner();
    Ok(Json(EntryList {
        entries: answer.entries.into_iter().map(Into::into).collect(),
        next_page_token: Some(answer.next_page_token).filter(|token| !token.is_empty()),
    }))
}
