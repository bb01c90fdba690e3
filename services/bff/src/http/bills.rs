//! Bills, as JSON.

pub mod get;
pub mod list;
pub mod pdf;

use proto::payment::v1::{Bill, BillLine, BillStatus};
use serde::Serialize;
use utoipa::ToSchema;

use super::money::{MoneyView, view};
use super::notifications::rfc3339;
use crate::principal::Principal;

/// What a person owes the tenant.
#[derive(Debug, Serialize, ToSchema)]
pub struct BillView {
    /// UUIDv7.
    id: String,
    /// What the office calls it.
    reference: String,
    /// Subject of the person who owes it.
    payer: String,
    /// What the payer is called on the bill; `null` once the person was erased.
    payer_name: Option<String>,
    /// `draft`, `issued`, `part_paid`, `paid`, `cancelled` or `written_off`.
    status: &'static str,
    /// What is billed, in order.
    lines: Vec<LineView>,
    /// Sum of the lines with their taxes.
    total: MoneyView,
    /// How much of it payments have paid.
    paid: MoneyView,
    /// How much of it was taken back.
    credited: MoneyView,
    /// How much of it was given up.
    written_off: MoneyView,
    /// What is still owed.
    outstanding: MoneyView,
    /// Day until whose end it is to be paid, `YYYY-MM-DD` (UTC).
    due_on: String,
    /// Whether that day is over and something is owed.
    overdue: bool,
    /// RFC 3339, UTC.
    created_at: Option<String>,
    /// RFC 3339, UTC; `null` on a draft.
    issued_at: Option<String>,
    /// When it was paid, cancelled or written off; RFC 3339, UTC; `null` before.
    closed_at: Option<String>,
    /// What can be done now.
    #[serde(rename = "_links")]
    links: Links,
}

/// A line of a bill.
#[derive(Debug, Serialize, ToSchema)]
pub struct LineView {
    /// What it is for; `null` once the payer was erased.
    description: Option<String>,
    /// Fund whose revenue it is.
    fund: String,
    /// How many.
    quantity: i32,
    /// Price of one, without tax.
    unit_price: MoneyView,
    /// Tax in hundredths of a percent.
    tax_rate_bp: i32,
    /// The tax.
    tax: MoneyView,
}

/// Links that are not possible now are `null`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Links {
    /// This bill.
    #[serde(rename = "self")]
    own: String,
    /// `POST` with this bill's id to pay it; for its payer. Refused while a payment is under way.
    pay: Option<&'static str>,
    /// `GET` for a signed download of it as it was issued; `null` until that was made.
    pdf: Option<String>,
    /// `GET` for its payments; `null` on a draft.
    payments: Option<String>,
    /// `POST` to issue a draft; for staff.
    issue: Option<String>,
    /// `POST` to take the bill back; for staff.
    cancel: Option<String>,
    /// `POST` to take back a part of what is owed; for staff.
    credit: Option<String>,
    /// `POST` to give up what is owed; for finance staff.
    write_off: Option<String>,
}

impl BillView {
    /// The bill as the caller may act on it.
    pub(crate) fn to(principal: &Principal, bill: Bill) -> Self {
        let status = bill.status();
        let caller = &principal.caller;
        let open = matches!(status, BillStatus::Issued | BillStatus::PartPaid);
        let staff = |possible: bool, what: &str| {
            (possible && caller.is_staff()).then(|| format!("/v1/staff/bills/{}/{what}", bill.bill_id))
        };
        let links = Links {
            own: format!("/v1/bills/{}", bill.bill_id),
            pay: (open && caller.is_citizen()).then_some("/v1/payments"),
            pdf: (!bill.pdf_document_id.is_empty()).then(|| format!("/v1/bills/{}/pdf", bill.bill_id)),
            payments: (status != BillStatus::Draft).then(|| format!("/v1/payments?bill_id={}", bill.bill_id)),
            issue: staff(status == BillStatus::Draft, "issue"),
            cancel: staff(matches!(status, BillStatus::Draft | BillStatus::Issued), "cancel"),
            credit: staff(open, "credit"),
            write_off: staff(open, "write-off"),
        };
        Self {
            status: status_name(status),
            links,
            id: bill.bill_id,
            reference: bill.reference,
            payer: bill.payer,
            payer_name: Some(bill.payer_name).filter(|name| !name.is_empty()),
            lines: bill.lines.into_iter().map(LineView::from).collect(),
            total: view(bill.total),
            paid: view(bill.paid),
            credited: view(bill.credited),
            written_off: view(bill.written_off),
            outstanding: view(bill.outstanding),
            due_on: bill.due_on,
            overdue: bill.overdue,
            created_at: bill.created_at.and_then(rfc3339),
            issued_at: bill.issued_at.and_then(rfc3339),
            closed_at: bill.closed_at.and_then(rfc3339),
        }
    }
}

impl From<BillLine> for LineView {
    fn from(line: BillLine) -> Self {
        Self {
            description: Some(line.description).filter(|text| !text.is_empty()),
            fund: line.fund,
            quantity: line.quantity,
            unit_price: view(line.unit_price),
            tax_rate_bp: line.tax_rate_bp,
            tax: view(line.tax),
        }
    }
}

fn status_name(status: BillStatus) -> &'static str {
    match status {
        BillStatus::Unspecified => "unknown",
        BillStatus::Draft => "draft",
        BillStatus::Issued => "issued",
        BillStatus::PartPaid => "part_paid",
        BillStatus::Paid => "paid",
        BillStatus::Cancelled => "cancelled",
        BillStatus::WrittenOff => "written_off",
    }
}
