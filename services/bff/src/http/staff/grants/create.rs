//! `POST /v1/staff/grants`

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use proto::document::v1::CreateGrantRequest;
use rpc_error::{Code, Error, reason};
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

use super::GrantView;
use crate::App;
use crate::http::documents::{IDEMPOTENCY_KEY, incomplete, replay_headers};
use crate::http::extract;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// What to share with whom, for what, how long and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// UUIDv7 of the document; this or `case`.
    document_id: Option<String>,
    /// Reference of the case; this or `document_id`.
    case: Option<String>,
    /// Subject of the person; this or `grantee_client`.
    grantee_subject: Option<String>,
    /// Client id, 1 to 255 visible ASCII characters; this or `grantee_subject`. Persons who use the client may not read.
    grantee_client: Option<String>,
    /// Purpose of the access policy that can be granted.
    purpose: String,
    /// When it ends by itself; RFC 3339. After now, and not later than the purpose allows.
    until: String,
    /// Why: 1 to 1,000 bytes, no control characters.
    reason: String,
}

/// Shares a document, or the documents of a case, those attached later too: the grantee may read them and do nothing
/// else. For staff.
#[utoipa::path(post, path = "/v1/staff/grants", tag = "staff", request_body = Create,
    security(("session" = []), ("bearer" = [])),
    params(("idempotency-key" = String, Header, description = "1 to 255 visible ASCII characters.")),
    responses((status = 201, body = GrantView), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 410, body = Problem), (status = 422, body = Problem)))]
pub async fn create(
    State(app): State<App>,
    principal: Principal,
    headers: HeaderMap,
    extract::Json(body): extract::Json<Create>,
) -> Result<(StatusCode, HeaderMap, Json<GrantView>)> {
    let message = CreateGrantRequest {
        document_id: body.document_id.unwrap_or_default(),
        case_ref: body.case.unwrap_or_default(),
        grantee_subject: body.grantee_subject.unwrap_or_default(),
        grantee_client: body.grantee_client.unwrap_or_default(),
        purpose: body.purpose,
        until: Some(timestamp(&body.until)?),
        reason: body.reason,
    };
    let request = Services::forward(&principal, headers.get(IDEMPOTENCY_KEY), message)?;
    let answer = app.services.sharing.clone().create_grant(request).await?;
    let replayed = replay_headers(answer.metadata());
    let grant = answer.into_inner().grant.ok_or_else(incomplete)?;
    Ok((StatusCode::CREATED, replayed, Json(grant.into())))
}

fn timestamp(text: &str) -> Result<prost_types::Timestamp> {
    let rule = "must be a time of RFC 3339";
    let refused = |_| Error::new(Code::InvalidArgument, reason::GRANT_INVALID, rule).violation("until", rule);
    let at = OffsetDateTime::parse(text, &Rfc3339).map_err(refused)?;
    let nanos = i32::try_from(at.nanosecond()).unwrap_or_default();
    Ok(prost_types::Timestamp { seconds: at.unix_timestamp(), nanos })
}
