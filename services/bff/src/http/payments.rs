//! Payments and refunds, as JSON.

pub mod cancel;
pub mod events;
pub mod get;
pub mod initiate;
pub mod list;
pub mod receipt;
pub mod refund;
pub mod refunds;

use proto::payment::v1::{CancelledBy, Payment, PaymentFailure, PaymentStatus, Refund, RefundStatus};
use serde::Serialize;
use utoipa::ToSchema;

use super::money::{MoneyView, view};
use super::notifications::rfc3339;

/// An attempt to pay a bill, or a part of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct PaymentView {
    /// UUIDv7.
    id: String,
    /// UUIDv7 of the bill.
    bill_id: String,
    /// Subject of the person who pays.
    payer: String,
    /// What is to be paid.
    amount: MoneyView,
    /// `processing`, `completed`, `failed`, `cancelled` or `outcome_unknown`.
    status: &'static str,
    /// Why it failed: `DECLINED`, `EXPIRED` or `PROVIDER_ERROR`; else `null`.
    failure: Option<&'static str>,
    /// Who cancelled it: `BY_PAYER` or `BY_STAFF`; else `null`.
    cancelled: Option<&'static str>,
    /// What was charged.
    captured: MoneyView,
    /// What was given back.
    refunded: MoneyView,
    /// What the payer contests, or has contested and got.
    disputed: MoneyView,
    /// What can still be refunded; send it along when asking for a refund.
    refund_available: MoneyView,
    /// RFC 3339, UTC.
    created_at: Option<String>,
    /// When it is given up unless it is paid before; RFC 3339, UTC.
    expires_at: Option<String>,
    /// RFC 3339, UTC; `null` until its outcome is known.
    finished_at: Option<String>,
    /// What can be done now.
    #[serde(rename = "_links")]
    links: Links,
}

/// Links that are not possible now are `null`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Links {
    /// This payment.
    #[serde(rename = "self")]
    own: String,
    /// Where the payer goes on, at the provider; `null` until the provider has given its page, and once it is over.
    next: Option<String>,
    /// `POST` to cancel it.
    cancel: Option<String>,
    /// `GET` for its refunds; finance staff `POST` a new one. `null` until something was charged.
    refunds: Option<String>,
    /// `GET` for a signed download of its receipt; `null` until that was made.
    receipt: Option<String>,
    /// `GET` for what happened to it.
    events: String,
}

/// Money given back of a payment.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefundView {
    /// UUIDv7.
    id: String,
    /// UUIDv7 of the payment.
    payment_id: String,
    /// How much.
    amount: MoneyView,
    /// `submitted`, `completed` or `failed`.
    status: &'static str,
    /// Why, for staff; else `null`.
    reason: Option<String>,
    /// RFC 3339, UTC.
    created_at: Option<String>,
    /// RFC 3339, UTC; `null` until its outcome is known.
    finished_at: Option<String>,
}

impl From<Payment> for PaymentView {
    fn from(payment: Payment) -> Self {
        let base = format!("/v1/payments/{}", payment.payment_id);
        let captured = view(payment.captured.clone());
        let links = Links {
            next: Some(payment.next_url.clone()).filter(|url| !url.is_empty()),
            cancel: payment.can_cancel.then(|| format!("{base}/cancel")),
            refunds: (captured.minor_units > 0).then(|| format!("{base}/refunds")),
            receipt: (!payment.receipt_document_id.is_empty()).then(|| format!("{base}/receipt")),
            events: format!("{base}/events"),
            own: base,
        };
        Self {
            status: match payment.status() {
                PaymentStatus::Unspecified => "unknown",
                PaymentStatus::Processing => "processing",
                PaymentStatus::Completed => "completed",
                PaymentStatus::Failed => "failed",
                PaymentStatus::Cancelled => "cancelled",
                PaymentStatus::OutcomeUnknown => "outcome_unknown",
            },
            failure: match payment.failure() {
                PaymentFailure::Unspecified => None,
                PaymentFailure::Declined => Some("DECLINED"),
                PaymentFailure::Expired => Some("EXPIRED"),
                PaymentFailure::ProviderError => Some("PROVIDER_ERROR"),
            },
            cancelled: match payment.cancelled_by() {
                CancelledBy::Unspecified => None,
                CancelledBy::Payer => Some("BY_PAYER"),
                CancelledBy::Staff => Some("BY_STAFF"),
            },
            links,
            captured,
            id: payment.payment_id,
            bill_id: payment.bill_id,
            payer: payment.payer,
            amount: view(payment.amount),
            refunded: view(payment.refunded),
            disputed: view(payment.disputed),
            refund_available: view(payment.refund_available),
            created_at: payment.created_at.and_then(rfc3339),
            expires_at: payment.expires_at.and_then(rfc3339),
            finished_at: payment.finished_at.and_then(rfc3339),
        }
    }
}

impl From<Refund> for RefundView {
    fn from(refund: Refund) -> Self {
        Self {
            status: match refund.status() {
                RefundStatus::Unspecified => "unknown",
                RefundStatus::Submitted => "submitted",
                RefundStatus::Completed => "completed",
                RefundStatus::Failed => "failed",
            },
            id: refund.refund_id,
            payment_id: refund.payment_id,
            amount: view(refund.amount),
            reason: Some(refund.reason).filter(|reason| !reason.is_empty()),
            created_at: refund.created_at.and_then(rfc3339),
            finished_at: refund.finished_at.and_then(rfc3339),
        }
    }
}
