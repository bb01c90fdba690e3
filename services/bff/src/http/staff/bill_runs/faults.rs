//! `GET /v1/staff/bill-runs/{id}/faults`

use axum::Json;
use axum::extract::{Path, State};
use proto::payment::v1::ListRunFaultsRequest;
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// What lines of a run break.
#[derive(Debug, Serialize, ToSchema)]
pub struct FaultList {
    /// In the order of the lines; at most 1,000.
    faults: Vec<FaultView>,
}

/// A rule that a line breaks.
#[derive(Debug, Serialize, ToSchema)]
pub struct FaultView {
    /// Number of the line, from 1 for the first bill.
    line: i32,
    /// Which field.
    field: String,
    /// The rule.
    rule: String,
}

/// Lists what lines of a run break. Strongly consistent. For staff.
#[utoipa::path(get, path = "/v1/staff/bill-runs/{id}/faults", tag = "staff", security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the run.")),
    responses((status = 200, body = FaultList), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
pub async fn faults(
    State(app): State<App>,
    principal: Principal,
    Path(run_id): Path<String>,
) -> Result<Json<FaultList>> {
    let request = Services::forward(&principal, None, ListRunFaultsRequest { run_id })?;
    let answer = app.services.billing.clone().list_run_faults(request).await?.into_inner();
    let faults = answer.faults.into_iter().map(|fault| FaultView {
        line: fault.line,
        field: fault.field,
        rule: fault.rule,
    });
    Ok(Json(FaultList { faults: faults.collect() }))
}
