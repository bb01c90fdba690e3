//! `GET /v1/bills/{id}/pdf`

use axum::Json;
use axum::extract::{Path, State};
use proto::payment::v1::GetBillRequest;
use rpc_error::{Code, Error, reason};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::App;
use crate::http::documents::download::{self, Download};
use crate::http::documents::incomplete;
use crate::http::extract::Query;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// What for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct WhatFor {
    /// A purpose of the access policy, which staff have to name.
    purpose: Option<String>,
}

/// Signs a download of a bill as it was issued, and writes the access log: for its payer, and for staff, who say what for. 423 until
/// it was made, moments after it was issued.
#[utoipa::path(get, path = "/v1/bills/{id}/pdf", tag = "bills", security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "UUIDv7 of the bill."), WhatFor),
    responses((status = 200, body = Download), (status = 401, body = Problem), (status = 404, body = Problem),
        (status = 410, body = Problem), (status = 422, body = Problem), (status = 423, body = Problem)))]
pub async fn pdf(
    State(app): State<App>,
    principal: Principal,
    Path(bill_id): Path<String>,
    Query(what_for): Query<WhatFor>,
) -> Result<Json<Download>> {
    let request = Services::forward(&principal, None, GetBillRequest { bill_id })?;
    let answer = app.services.billing.clone().get_bill(request).await?.into_inner();
    let bill = answer.bill.ok_or_else(incomplete)?;
    what_for.sign(&app, &principal, bill.pdf_document_id).await
}

impl WhatFor {
    /// Signs a download of what was made, once it was.
    pub(crate) async fn sign(
        self,
        app: &App,
        principal: &Principal,
        document_id: String,
    ) -> Result<Json<Download>> {
        if document_id.is_empty() {
            return Err(Error::new(Code::Locked, reason::PDF_NOT_READY, "the PDF was not made yet").into());
        }
        let wanted = download::Wanted { version: None, purpose: self.purpose };
        download::sign(app, principal, document_id, wanted).await
    }
}
