//! `GET /v1/bills`

use axum::Json;
use axum::extract::State;
use proto::payment::v1::{BillStatus, ListBillsRequest};
use rpc_error::{Code, Error, reason};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::BillView;
use crate::App;
use crate::http::extract::Query;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Which bills.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// How many at most; default 50, max 200.
    page_size: Option<i32>,
    /// `next_page_token` of the page before.
    page_token: Option<String>,
    /// Subject of the payer; for staff.
    payer: Option<String>,
    /// `draft`, `issued`, `part_paid`, `paid`, `cancelled` or `written_off`.
    status: Option<String>,
}

/// A page of bills, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct BillList {
    /// The bills.
    bills: Vec<BillView>,
    /// Token of the next page; `null` on the last.
    next_page_token: Option<String>,
}

/// Lists the caller's bills; for staff, the tenant's. Strongly consistent.
#[utoipa::path(get, path = "/v1/bills", tag = "bills", params(Which), security(("session" = []), ("bearer" = [])),
    responses((status = 200, body = BillList), (status = 401, body = Problem), (status = 422, body = Problem)))]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    Query(which): Query<Which>,
) -> Result<Json<BillList>> {
    let message = ListBillsRequest {
        page_size: which.page_size.unwrap_or_default(),
        page_token: which.page_token.unwrap_or_default(),
        payer: which.payer.unwrap_or_default(),
        status: status(which.status.as_deref())?.into(),
    };
    let request = Services::forward(&principal, None, message)?;
    let answer = app.services.billing.clone().list_bills(request).await?.into_inner();
    Ok(Json(BillList {
        bills: answer.bills.into_iter().map(|bill| BillView::to(&principal, bill)).collect(),
        next_page_token: Some(answer.next_page_token).filter(|token| !token.is_empty()),
    }))
}

fn status(asked: Option<&str>) -> Result<BillStatus> {
    Ok(match asked {
        None => BillStatus::Unspecified,
        Some("draft") => BillStatus::Draft,
        Some("issued") => BillStatus::Issued,
        Some("part_paid") => BillStatus::PartPaid,
        Some("paid") => BillStatus::Paid,
        Some("cancelled") => BillStatus::Cancelled,
        Some("written_off") => BillStatus::WrittenOff,
        Some(_) => {
            let rule = "must be `draft`, `issued`, `part_paid`, `paid`, `cancelled` or `written_off`";
            let error = Error::new(Code::InvalidArgument, reason::QUERY_INVALID, format!("`status` {rule}"));
            return Err(error.violation("status", rule).into());
        }
    })
}
