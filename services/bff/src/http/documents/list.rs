//! `GET /v1/documents`

use axum::Json;
use axum::extract::State;
use proto::document::v1::ListDocumentsRequest;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::DocumentView;
use crate::App;
use crate::http::extract::Query;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// How many at most; default 50, max 200.
    pub(crate) page_size: Option<i32>,
    /// `next_page_token` of the page before.
    pub(crate) page_token: Option<String>,
}

/// A page of documents, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct DocumentList {
    /// The documents.
    pub(crate) documents: Vec<DocumentView>,
    /// Token of the next page; `null` on the last.
    pub(crate) next_page_token: Option<String>,
}

/// Lists the caller's documents; for staff, the tenant's. Strongly consistent.
#[utoipa::path(get, path = "/v1/documents", tag = "documents", params(Page),
    security(("session" = []), ("bearer" = [])),
    responses((status = 200, body = DocumentList), (status = 401, body = Problem), (status = 422, body = Problem)))]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    Query(page): Query<Page>,
) -> Result<Json<DocumentList>> {
    let message = ListDocumentsRequest {
        page_size: page.page_size.unwrap_or_default(),
        page_token: page.page_token.unwrap_or_default(),
    };
    let request = Services::forward(&principal, None, message)?;
    let answer = app.services.document.clone().list_documents(request).await?.into_inner();
    Ok(Json(DocumentList {
        documents: answer.documents.into_iter().map(DocumentView::from).collect(),
        next_page_token: Some(answer.next_page_token).filter(|token| !token.is_empty()),
    }))
}
