//! `PUT /v1/staff/cases/{case}/documents/{id}`

use axum::extract::{Path, State};
use http::StatusCode;
use proto::document::v1::AttachToCaseRequest;

use crate::App;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Says that a document belongs to a case; again changes nothing. For staff.
#[utoipa::path(put, path = "/v1/staff/cases/{case}/documents/{id}", tag = "staff",
    security(("session" = []), ("bearer" = [])),
    params(("case" = String, Path, description = "Reference of the case, 1 to 64 of `A-Z`, `a-z`, `0-9`, `.`, `_` and `-`."),
        ("id" = String, Path, description = "UUIDv7 of the document.")),
    responses((status = 204, description = "It is so."), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 410, body = Problem), (status = 422, body = Problem)))]
pub async fn attach(
    State(app): State<App>,
    principal: Principal,
    Path((case_ref, document_id)): Path<(String, String)>,
) -> Result<StatusCode> {
    let request = Services::forward(&principal, None, AttachToCaseRequest { case_ref, document_id })?;
    app.services.cases.clone().attach_to_case(request).await?;
    Ok(StatusCode::NO_CONTENT)
}
