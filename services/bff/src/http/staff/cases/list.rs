//! `GET /v1/staff/cases/{case}/documents`

use axum::Json;
use axum::extract::{Path, State};
use proto::document::v1::ListCaseDocumentsRequest;

use crate::App;
use crate::http::documents::DocumentView;
use crate::http::documents::list::{DocumentList, Page};
use crate::http::extract::Query;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Lists a case's documents, newest first. For staff. Strongly consistent.
#[utoipa::path(get, path = "/v1/staff/cases/{case}/documents", tag = "staff",
    security(("session" = []), ("bearer" = [])),
    params(("case" = String, Path, description = "Reference of the case."), Page),
    responses((status = 200, body = DocumentList), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 422, body = Problem)))]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    Path(case_ref): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<DocumentList>> {
    let message = ListCaseDocumentsRequest {
        case_ref,
        page_size: page.page_size.unwrap_or_default(),
        page_token: page.page_token.unwrap_or_default(),
    };
    let request = Services::forward(&principal, None, message)?;
    let answer = app.services.cases.clone().list_case_documents(request).await?.into_inner();
    Ok(Json(DocumentList {
        documents: answer.documents.into_iter().map(DocumentView::from).collect(),
        next_page_token: Some(answer.next_page_token).filter(|token| !token.is_empty()),
    }))
}
