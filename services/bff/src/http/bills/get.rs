//! `GET /v1/bills/{id}`

use axum::Json;
use axum::extract::{Path, State};
use proto::payment::v1::GetBillRequest;

use super::BillView;
use crate::App;
use crate::http::documents::incomplete;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Reads a bill: one's own; for staff, the tenant's. Strongly consistent.
#[utoipa::path(get, path = "/v1/bills/{id}", tag = "bills", security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the bill.")),
    responses((status = 200, body = BillView), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn get(
    State(app): State<App>,
    principal: Principal,
    Path(bill_id): Path<String>,
) -> Result<Json<BillView>> {
    let request = Services::forward(&principal, None, GetBillRequest { bill_id })?;
    let answer = app.services.billing.clone().get_bill(request).await?.into_inner();
    Ok(Json(BillView::to(&principal, answer.bill.ok_or_else(incomplete)?)))
}
