//! `GET /v1/staff/exports/{id}`

use axum::Json;
use axum::extract::{Path, State};
use proto::document::v1::GetCaseExportRequest;

use super::ExportView;
use crate::App;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Tells where an export of a case stands. For staff.
#[utoipa::path(get, path = "/v1/staff/exports/{id}", tag = "staff", security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the export.")),
    responses((status = 200, body = ExportView), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
pub async fn get(
    State(app): State<App>,
    principal: Principal,
    Path(export_id): Path<String>,
) -> Result<Json<ExportView>> {
    let request = Services::forward(&principal, None, GetCaseExportRequest { export_id })?;
    let answer = app.services.cases.clone().get_case_export(request).await?.into_inner();
    Ok(Json(ExportView::new(answer.export)?))
}
