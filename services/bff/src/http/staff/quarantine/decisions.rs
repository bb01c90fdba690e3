//! `GET /v1/staff/quarantine/{id}/decisions`

use axum::Json;
use axum::extract::State;
use proto::document::v1::ListDecisionsRequest;
use serde::Serialize;
use utoipa::ToSchema;

use super::DecisionView;
use crate::App;
use crate::http::extract::DocumentPath;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// What was decided about a document.
#[derive(Debug, Serialize, ToSchema)]
pub struct Decisions {
    /// Newest version first, at most one per version.
    decisions: Vec<DecisionView>,
}

/// Lists what was decided about a document's quarantined versions, by whom and why. For staff. Strongly consistent.
#[utoipa::path(get, path = "/v1/staff/quarantine/{id}/decisions", tag = "staff",
    security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the document.")),
    responses((status = 200, body = Decisions), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
pub async fn decisions(
    State(app): State<App>,
    principal: Principal,
    DocumentPath(id): DocumentPath,
) -> Result<Json<Decisions>> {
    let request = Services::forward(&principal, None, ListDecisionsRequest { document_id: id.to_string() })?;
    let answer = app.services.quarantine.clone().list_decisions(request).await?.into_inner();
    Ok(Json(Decisions { decisions: answer.decisions.into_iter().map(DecisionView::from).collect() }))
}
