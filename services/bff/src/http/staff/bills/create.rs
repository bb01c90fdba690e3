//! `POST /v1/staff/bills`

use auth::permission;
use axum::Json;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use ids::Subject;
use proto::Operation;
use proto::payment::v1::{BillLine, CreateBillRequest};
use rpc_error::{Code, Error, reason};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::App;
use crate::http::bills::BillView;
use crate::http::documents::{IDEMPOTENCY_KEY, incomplete, replay_headers};
use crate::http::extract;
use crate::http::money::MoneyView;
use crate::principal::{Contact, Principal};
use crate::problem::{Problem, Result};
use crate::services::Services;

/// The bill to write.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBill {
    /// What the office calls it: 1 to 64 of A-Z, a-z, 0-9, `.`, `_`, `/` and `-`; once in the tenant.
    reference: String,
    /// Subject of the person who owes it, or `person:<reference>` for whom the office knows by a reference of its own.
    payer: String,
    /// How to reach `person:<reference>`, who may never have signed in; for nobody else.
    payer_contact: Option<PayerContact>,
    /// What the payer is called on the bill: 1 to 255 bytes.
    payer_name: String,
    /// 1 to 100 lines of one currency.
    lines: Vec<NewLine>,
    /// Day until whose end it is to be paid, `YYYY-MM-DD` (UTC).
    due_on: String,
    /// Whether to issue it at once; a draft otherwise.
    #[serde(default)]
    issue: bool,
}

/// How to reach somebody. Personal data.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PayerContact {
    /// E-mail address.
    email: String,
    /// BCP 47 language tag, for example `en` or `de-AT`.
    locale: Option<String>,
}

impl std::fmt::Debug for PayerContact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PayerContact([REDACTED])")
    }
}

/// A line of a bill.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLine {
    /// What it is for: 1 to 255 bytes.
    description: String,
    /// Fund whose revenue it is: 1 to 63 of a-z, 0-9 and `-`.
    fund: String,
    /// How many, 1 to 1,000,000; default 1.
    quantity: Option<i32>,
    /// Price of one, without tax.
    unit_price: MoneyView,
    /// Tax in hundredths of a percent, 0 to 10,000; default 0.
    #[serde(default)]
    tax_rate_bp: i32,
}

impl From<NewLine> for BillLine {
    fn from(line: NewLine) -> Self {
        Self {
            description: line.description,
            fund: line.fund,
            quantity: line.quantity.unwrap_or(1),
            unit_price: Some(line.unit_price.into()),
            tax_rate_bp: line.tax_rate_bp,
            tax: None,
        }
    }
}

/// Writes a bill, and issues it where that is asked for. For staff.
#[utoipa::path(post, path = "/v1/staff/bills", tag = "staff", request_body = NewBill,
    security(("session" = []), ("bearer" = [])),
    params(("idempotency-key" = String, Header, description = "1 to 255 visible ASCII characters.")),
    responses((status = 201, body = BillView), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 409, body = Problem), (status = 410, body = Problem), (status = 422, body = Problem)))]
pub async fn create(
    State(app): State<App>,
    principal: Principal,
    headers: HeaderMap,
    extract::Json(body): extract::Json<NewBill>,
) -> Result<(StatusCode, HeaderMap, Json<BillView>)> {
    // Before the bill, whose mail is to find them. Contacts are introduced in this service's own name: who may not bill may not do that.
    permission::check(Operation::BillingCreateBill, &principal.caller).map_err(Error::from)?;
    if let Some(PayerContact { email, locale }) = body.payer_contact {
        let person = body.payer.parse::<Subject>().ok().filter(Subject::is_person).ok_or_else(|| {
            let rule = "must be left out unless the payer is `person:<reference>`";
            Error::new(Code::InvalidArgument, reason::BILL_INVALID, format!("`payer_contact` {rule}"))
                .violation("payer_contact", rule)
        })?;
        let contact = Contact { email: Some(email), locale };
        app.services.introduce(&principal.caller.tenant, &person, &contact).await?;
    }
    let message = CreateBillRequest {
        reference: body.reference,
        payer: body.payer,
        payer_name: body.payer_name,
        lines: body.lines.into_iter().map(BillLine::from).collect(),
        due_on: body.due_on,
        issue: body.issue,
    };
    let request = Services::forward(&principal, headers.get(IDEMPOTENCY_KEY), message)?;
    let answer = app.services.billing.clone().create_bill(request).await?;
    let replayed = replay_headers(answer.metadata());
    let bill = answer.into_inner().bill.ok_or_else(incomplete)?;
    Ok((StatusCode::CREATED, replayed, Json(BillView::to(&principal, bill))))
}
