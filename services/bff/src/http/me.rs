//! Who the caller is.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::principal::Principal;
use crate::problem::{Problem, Result};

/// The caller as their token says.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    /// Stable id of the person or client.
    subject: String,
    /// The tenant they belong to.
    tenant: String,
    /// What they may act as, for example `citizen`.
    roles: Vec<String>,
    /// Whether a role makes them one of the tenant's staff, who say what for when they read what is not theirs.
    is_staff: bool,
    /// Send it as `x-csrf-token` with every `POST`, `PUT` and `DELETE` of a session; `null` for bearer tokens.
    csrf_token: Option<String>,
}

/// Says who the caller is.
#[utoipa::path(get, path = "/v1/me", tag = "session", security(("session" = []), ("bearer" = [])),
    responses((status = 200, body = Me), (status = 401, body = Problem)))]
pub async fn me(principal: Principal) -> Result<Json<Me>> {
    Ok(Json(Me {
        subject: principal.caller.subject.to_string(),
        tenant: principal.caller.tenant.to_string(),
        roles: principal.caller.roles.iter().map(|role| role.as_str().to_owned()).collect(),
        is_staff: principal.caller.is_staff(),
        csrf_token: principal.session.map(|session| session.csrf),
    }))
}
