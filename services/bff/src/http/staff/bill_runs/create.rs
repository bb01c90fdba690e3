//! `POST /v1/staff/bill-runs`

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use proto::payment::v1::{BillRunFormat, CreateRunRequest};
use serde::Deserialize;
use utoipa::ToSchema;

use super::BillRunView;
use crate::App;
use crate::http::documents::{IDEMPOTENCY_KEY, incomplete, replay_headers};
use crate::http::extract;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// The run to begin.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBillRun {
    /// UUIDv7 of a document that staff have handed in for the purpose `bill-run`.
    document_id: String,
    /// How it is read.
    format: Format,
}

/// How a document is read: UTF-8, a bill in each line.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Comma-separated, with a heading.
    Csv,
    /// A JSON object in each line.
    JsonLines,
}

/// Issues a bill for each line of a document, once all of it was checked. For staff.
#[utoipa::path(post, path = "/v1/staff/bill-runs", tag = "staff", request_body = NewBillRun,
    security(("session" = []), ("bearer" = [])),
    params(("idempotency-key" = String, Header, description = "1 to 255 visible ASCII characters.")),
    responses((status = 202, body = BillRunView), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn create(
    State(app): State<App>,
    principal: Principal,
    headers: HeaderMap,
    extract::Json(body): extract::Json<NewBillRun>,
) -> Result<(StatusCode, HeaderMap, Json<BillRunView>)> {
    let format = match body.format {
        Format::Csv => BillRunFormat::Csv,
        Format::JsonLines => BillRunFormat::JsonLines,
    };
    let message = CreateRunRequest { document_id: body.document_id, format: format.into() };
    let request = Services::forward(&principal, headers.get(IDEMPOTENCY_KEY), message)?;
    let answer = app.services.billing.clone().create_run(request).await?;
    let replayed = replay_headers(answer.metadata());
    let run = answer.into_inner().run.ok_or_else(incomplete)?;
    Ok((StatusCode::ACCEPTED, replayed, Json(run.into())))
}
