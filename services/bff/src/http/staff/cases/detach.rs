//! `DELETE /v1/staff/cases/{case}/documents/{id}`

use axum::extract::{Path, State};
use http::StatusCode;
use proto::document::v1::DetachFromCaseRequest;

use crate::App;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Says that a document does not belong to a case; again changes nothing. 409 while the case holds it. For staff.
#[utoipa::path(delete, path = "/v1/staff/cases/{case}/documents/{id}", tag = "staff",
    security(("session" = []), ("bearer" = [])),
    params(("case" = String, Path, description = "Reference of the case, 1 to 64 of `A-Z`, `a-z`, `0-9`, `.`, `_` and `-`."),
        ("id" = String, Path, description = "UUIDv7 of the document.")),
    responses((status = 204, description = "It is so."), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn detach(
    State(app): State<App>,
    principal: Principal,
    Path((case_ref, document_id)): Path<(String, String)>,
) -> Result<StatusCode> {
    let request = Services::forward(&principal, None, DetachFromCaseRequest { case_ref, document_id })?;
    app.services.cases.clone().detach_from_case(request).await?;
    Ok(StatusCode::NO_CONTENT)
}
