//! `GET /v1/documents/{id}/accesses`

use axum::Json;
use axum::extract::State;
use proto::document::v1::{Access, ListAccessesRequest};
use serde::Serialize;
use utoipa::ToSchema;

use super::list::Page;
use crate::App;
use crate::http::extract::{DocumentPath, Query};
use crate::http::notifications::rfc3339;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Who could download a version, when and why.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccessView {
    /// UUIDv7.
    id: String,
    /// Which version, from 1.
    version: i32,
    /// Subject of who could download it.
    accessor: String,
    /// The client that acted for them.
    client: String,
    /// When it was signed; RFC 3339, UTC.
    accessed_at: Option<String>,
    /// When the signature ended; RFC 3339, UTC.
    expires_at: Option<String>,
    /// `own` for the owner, otherwise a purpose of the access policy; `unrecorded` before purposes were asked for.
    purpose: String,
    /// UUIDv7 of the grant that allowed it; `null` where none was needed.
    grant_id: Option<String>,
}

/// A page of accesses, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Accesses {
    /// The accesses.
    accesses: Vec<AccessView>,
    /// Token of the next page; `null` on the last.
    next_page_token: Option<String>,
}

impl From<Access> for AccessView {
    fn from(access: Access) -> Self {
        Self {
            id: access.access_id,
            version: access.version,
            accessor: access.accessor,
            client: access.client_id,
            accessed_at: access.accessed_at.and_then(rfc3339),
            expires_at: access.expires_at.and_then(rfc3339),
            purpose: access.purpose,
            grant_id: Some(access.grant_id).filter(|id| !id.is_empty()),
        }
    }
}

/// Lists who could download a document, and what for. For its owner and for staff. Strongly consistent.
#[utoipa::path(get, path = "/v1/documents/{id}/accesses", tag = "documents",
    security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the document."), Page),
    responses((status = 200, body = Accesses), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
pub async fn accesses(
    State(app): State<App>,
    principal: Principal,
    DocumentPath(id): DocumentPath,
    Query(page): Query<Page>,
) -> Result<Json<Accesses>> {
    let message = ListAccessesRequest {
        document_id: id.to_string(),
        page_size: page.page_size.unwrap_or_default(),
        page_token: page.page_token.unwrap_or_default(),
    };
    let request = Services::forward(&principal, None, message)?;
    let answer = app.services.sharing.clone().list_accesses(request).await?.into_inner();
    Ok(Json(Accesses {
        accesses: answer.accesses.into_iter().map(AccessView::from).collect(),
        next_page_token: Some(answer.next_page_token).filter(|token| !token.is_empty()),
    }))
}
