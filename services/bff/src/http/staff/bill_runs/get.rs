//! `GET /v1/staff/bill-runs/{id}`

use axum::Json;
use axum::extract::{Path, State};
use proto::payment::v1::GetRunRequest;

use super::BillRunView;
use crate::App;
use crate::http::documents::incomplete;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Reads how far a run has come. Strongly consistent. For staff.
#[utoipa::path(get, path = "/v1/staff/bill-runs/{id}", tag = "staff", security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the run.")),
    responses((status = 200, body = BillRunView), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
pub async fn get(
    State(app): State<App>,
    principal: Principal,
    Path(run_id): Path<String>,
) -> Result<Json<BillRunView>> {
    let request = Services::forward(&principal, None, GetRunRequest { run_id })?;
    let answer = app.services.billing.clone().get_run(request).await?.into_inner();
    Ok(Json(answer.run.ok_or_else(incomplete)?.into()))
}
