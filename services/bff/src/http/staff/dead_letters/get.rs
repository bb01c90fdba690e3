//! `GET /v1/staff/dead-letters/{service}/{id}`

use axum::Json;
use axum::extract::{Path, State};
use proto::operations::v1::GetDeadLetterRequest;
use serde::Serialize;
use utoipa::ToSchema;

use super::{DeadLetterView, Owner};
use crate::App;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// A dead letter and what is in it.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeadLetterContents {
    /// The dead letter.
    #[serde(flatten)]
    letter: DeadLetterView,
    /// The record's headers in their order.
    headers: Vec<HeaderView>,
    /// Full name of the protobuf message, or `job`; `null` where it is none of ours or cannot be decoded.
    message_type: Option<String>,
    /// The message; `null` where `message_type` is.
    #[schema(value_type = Option<Object>)]
    message: Option<serde_json::Value>,
}

/// A header of a record.
#[derive(Debug, Serialize, ToSchema)]
pub struct HeaderView {
    /// Its name.
    name: String,
    /// Its value as text.
    value: String,
}

/// Shows one of the tenant's dead letters with headers and message. For staff.
#[utoipa::path(get, path = "/v1/staff/dead-letters/{service}/{id}", tag = "staff",
    security(("session" = []), ("bearer" = [])),
    params(("service" = Owner, Path, description = "The service that set it aside."),
        ("id" = String, Path, description = "Opaque id of the dead letter.")),
    responses((status = 200, body = DeadLetterContents), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn get(
    State(app): State<App>,
    principal: Principal,
    Path((service, id)): Path<(String, String)>,
) -> Result<Json<DeadLetterContents>> {
    let service = Owner::parse(&service)?;
    let message = GetDeadLetterRequest { id, without_tenant: false };
    let request = Services::forward(&principal, None, message)?;
    let answer = service.client(&app.services).get_dead_letter(request).await?.into_inner();
    let letter = answer.dead_letter.ok_or_else(incomplete)?;
    let headers = answer.headers.into_iter();
    Ok(Json(DeadLetterContents {
        letter: DeadLetterView::new(service, letter),
        headers: headers.map(|header| HeaderView { name: header.name, value: header.value }).collect(),
        message_type: Some(answer.message_type).filter(|name| !name.is_empty()),
        message: serde_json::from_str(&answer.message_json).ok(),
    }))
}

/// A service left out what its contract promises.
fn incomplete() -> rpc_error::Error {
    rpc_error::Error::internal("a service left out what its contract promises")
}
