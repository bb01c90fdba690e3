//! Charges that payers contest, as JSON.

pub mod list;

use proto::payment::v1::{Dispute, DisputeStatus};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::money::{MoneyView, view};
use crate::http::notifications::rfc3339;

/// A charge, or a part of one, that its payer contests. The provider has taken the money back.
#[derive(Debug, Serialize, ToSchema)]
pub struct DisputeView {
    /// UUIDv7.
    id: String,
    /// UUIDv7 of the payment.
    payment_id: String,
    /// How much.
    amount: MoneyView,
    /// `needs_response`, `under_review`, `won` or `lost`.
    status: &'static str,
    /// Why, as the provider says, for example `fraudulent`. More may come.
    reason: String,
    /// When the provider opened it; RFC 3339, UTC.
    opened_at: Option<String>,
    /// Until when the office can answer, at the provider; RFC 3339, UTC; `null` where it does not say.
    respond_by: Option<String>,
    /// RFC 3339, UTC; `null` until its outcome is known.
    finished_at: Option<String>,
}

impl From<Dispute> for DisputeView {
    fn from(dispute: Dispute) -> Self {
        Self {
            status: match dispute.status() {
                DisputeStatus::Unspecified => "unknown",
                DisputeStatus::NeedsResponse => "needs_response",
                DisputeStatus::UnderReview => "under_review",
                DisputeStatus::Won => "won",
                DisputeStatus::Lost => "lost",
            },
            id: dispute.dispute_id,
            payment_id: dispute.payment_id,
            amount: view(dispute.amount),
            reason: dispute.reason,
            opened_at: dispute.opened_at.and_then(rfc3339),
            respond_by: dispute.respond_by.and_then(rfc3339),
            finished_at: dispute.finished_at.and_then(rfc3339),
        }
    }
}
