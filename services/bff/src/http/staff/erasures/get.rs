//! `GET /v1/staff/erasures/{id}`

use axum::Json;
use axum::extract::{Path, State};
use proto::notification::v1::GetErasureRequest;

use super::ErasureView;
use crate::App;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Shows how far an erasure has come. For staff. Strongly consistent.
#[utoipa::path(get, path = "/v1/staff/erasures/{id}", tag = "staff", security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the erasure.")),
    responses((status = 200, body = ErasureView), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
pub async fn get(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<ErasureView>> {
    let request = Services::forward(&principal, None, GetErasureRequest { erasure_id: id })?;
    let answer = app.services.notification.clone().get_erasure(request).await?.into_inner();
    Ok(Json(ErasureView::new(answer.erasure)?))
}
