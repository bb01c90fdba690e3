//! `GET /v1/staff/disputes`

use axum::Json;
use axum::extract::State;
use proto::payment::v1::{DisputeStatus, ListDisputesRequest};
use rpc_error::{Code, Error, reason};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::DisputeView;
use crate::App;
use crate::http::extract::Query;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Which disputes.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// How many at most; default 50, max 200.
    page_size: Option<i32>,
    /// `next_page_token` of the page before.
    page_token: Option<String>,
    /// UUIDv7 of the payment.
    payment_id: Option<String>,
    /// `needs_response`, `under_review`, `won` or `lost`.
    status: Option<String>,
}

/// A page of disputes, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct DisputeList {
    /// The disputes.
    disputes: Vec<DisputeView>,
    /// Token of the next page; `null` on the last.
    next_page_token: Option<String>,
}

/// Lists what payers contest: of a payment, or the tenant's. For staff. Strongly consistent.
#[utoipa::path(get, path = "/v1/staff/disputes", tag = "staff", params(Which),
    security(("session" = []), ("bearer" = [])),
    responses((status = 200, body = DisputeList), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn list(
    State(app): State<App>,
    principal: Principal,
    Query(which): Query<Which>,
) -> Result<Json<DisputeList>> {
    let message = ListDisputesRequest {
        page_size: which.page_size.unwrap_or_default(),
        page_token: which.page_token.unwrap_or_default(),
        payment_id: which.payment_id.unwrap_or_default(),
        status: status(which.status.as_deref())?.into(),
    };
    let request = Services::forward(&principal, None, message)?;
    let answer = app.services.payment.clone().list_disputes(request).await?.into_inner();
    Ok(Json(DisputeList {
        disputes: answer.disputes.into_iter().map(DisputeView::from).collect(),
        next_page_token: Some(answer.next_page_token).filter(|token| !token.is_empty()),
    }))
}

fn status(asked: Option<&str>) -> Result<DisputeStatus> {
    Ok(match asked {
        None => DisputeStatus::Unspecified,
        Some("needs_response") => DisputeStatus::NeedsResponse,
        Some("under_review") => DisputeStatus::UnderReview,
        Some("won") => DisputeStatus::Won,
        Some("lost") => DisputeStatus::Lost,
        Some(_) => {
            let rule = "must be `needs_response`, `under_review`, `won` or `lost`";
            let error = Error::new(Code::InvalidArgument, reason::QUERY_INVALID, format!("`status` {rule}"));
            return Err(error.violation("status", rule).into());
        }
    })
}
