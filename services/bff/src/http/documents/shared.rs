//! `GET /v1/documents/shared`

use axum::Json;
use axum::extract::State;
use proto::document::v1::{ListSharedRequest, Shared};
use serde::Serialize;
use utoipa::ToSchema;

use super::list::Page;
use super::{DocumentView, incomplete};
use crate::App;
use crate::http::extract::Query;
use crate::http::notifications::rfc3339;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// A document that was shared with the caller.
#[derive(Debug, Serialize, ToSchema)]
pub struct SharedView {
    /// The document, as its newest version shows it.
    document: DocumentView,
    /// UUIDv7 of the grant; where several cover the document, of the one that ends last.
    grant_id: String,
    /// What it was given for.
    purpose: String,
    /// When it ends by itself; RFC 3339, UTC.
    until: Option<String>,
}

/// A page of what is shared, newest document first.
#[derive(Debug, Serialize, ToSchema)]
pub struct SharedList {
    /// The documents.
    shared: Vec<SharedView>,
    /// Token of the next page; `null` on the last.
    next_page_token: Option<String>,
}

/// Lists the documents that were shared with the caller and can be read now. Strongly consistent.
#[utoipa::path(get, path = "/v1/documents/shared", tag = "documents", params(Page),
    security(("session" = []), ("bearer" = [])),
    responses((status = 200, body = SharedList), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 422, body = Problem)))]
pub async fn shared(
    State(app): State<App>,
    principal: Principal,
    Query(page): Query<Page>,
) -> Result<Json<SharedList>> {
    let message = ListSharedRequest {
        page_size: page.page_size.unwrap_or_default(),
        page_token: page.page_token.unwrap_or_default(),
    };
    let request = Services::forward(&principal, None, message)?;
    let answer = app.services.sharing.clone().list_shared(request).await?.into_inner();
    let shared: Result<Vec<_>> = answer.shared.into_iter().map(view).collect();
    Ok(Json(SharedList {
        shared: shared?,
        next_page_token: Some(answer.next_page_token).filter(|token| !token.is_empty()),
    }))
}

fn view(shared: Shared) -> Result<SharedView> {
    Ok(SharedView {
        document: DocumentView::of_another(shared.document.ok_or_else(incomplete)?),
        grant_id: shared.grant_id,
        purpose: shared.purpose,
        until: shared.until.and_then(rfc3339),
    })
}
