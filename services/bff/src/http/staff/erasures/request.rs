//! `POST /v1/staff/erasures`

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use ids::Subject;
use proto::notification::v1::RequestErasureRequest;
use serde::Deserialize;
use utoipa::ToSchema;

use super::ErasureView;
use crate::App;
use crate::http::documents::{IDEMPOTENCY_KEY, replay_headers};
use crate::http::extract;
use crate::principal::{Principal, store};
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Whom to erase.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Whom {
    /// Subject (`sub`) of the person, 1 to 255 visible ASCII characters.
    subject: String,
}

/// Erases a person's data in every service and ends their sessions; cannot be undone. For staff.
#[utoipa::path(post, path = "/v1/staff/erasures", tag = "staff", security(("session" = []), ("bearer" = [])),
    request_body = Whom,
    params(("idempotency-key" = String, Header, description = "1 to 255 visible ASCII characters.")),
    responses((status = 202, body = ErasureView), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem)))]
pub async fn request(
    State(app): State<App>,
    principal: Principal,
    headers: HeaderMap,
    extract::Json(whom): extract::Json<Whom>,
) -> Result<(StatusCode, HeaderMap, Json<ErasureView>)> {
    let message = RequestErasureRequest { subject: whom.subject.clone() };
    let request = Services::forward(&principal, headers.get(IDEMPOTENCY_KEY), message)?;
    let answer = app.services.notification.clone().request_erasure(request).await?;
    let replayed = replay_headers(answer.metadata());
    let view = ErasureView::new(answer.into_inner().erasure)?;
    // The service has taken the subject for one. A session that begins now ends when its token is renewed.
    if let Ok(subject) = whom.subject.parse::<Subject>() {
        let ended = app.sessions().end_all(&principal.caller.tenant, &subject).await;
        ended.map_err(|error| store(&tower_sessions::session::Error::Store(error)))?;
    }
    Ok((StatusCode::ACCEPTED, replayed, Json(view)))
}
