//! `GET /v1/staff/quarantine`

use axum::Json;
use axum::extract::State;
use proto::document::v1::ListQuarantinedRequest;

use crate::App;
use crate::http::documents::DocumentView;
use crate::http::documents::list::{DocumentList, Page};
use crate::http::extract::Query;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Lists what waits for a decision, the first declared first, without what the caller handed in. For staff. Strongly
/// consistent.
#[utoipa::path(get, path = "/v1/staff/quarantine", tag = "staff", params(Page),
    security(("session" = []), ("bearer" = [])),
    responses((status = 200, body = DocumentList), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 422, body = Problem)))]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    Query(page): Query<Page>,
) -> Result<Json<DocumentList>> {
    let message = ListQuarantinedRequest {
        page_size: page.page_size.unwrap_or_default(),
        page_token: page.page_token.unwrap_or_default(),
    };
    let request = Services::forward(&principal, None, message)?;
    let answer = app.services.quarantine.clone().list_quarantined(request).await?.into_inner();
    Ok(Json(DocumentList {
        documents: answer.documents.into_iter().map(DocumentView::from).collect(),
        next_page_token: Some(answer.next_page_token).filter(|token| !token.is_empty()),
    }))
}
