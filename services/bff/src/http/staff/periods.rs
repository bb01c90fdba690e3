//! Months of the books, as JSON.

pub mod close;
pub mod list;

use proto::payment::v1::{CurrencyProof, Period, PeriodStatus};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::notifications::rfc3339;

/// A month of the books that is closed, or is to be.
#[derive(Debug, Serialize, ToSchema)]
pub struct PeriodView {
    /// UUIDv7.
    id: String,
    /// The month, `YYYY-MM` (UTC).
    month: String,
    /// `proposed` or `closed`.
    status: &'static str,
    /// Subject of who proposed to close it.
    proposed_by: String,
    /// RFC 3339, UTC.
    proposed_at: Option<String>,
    /// Subject of who closed it; `null` before.
    closed_by: Option<String>,
    /// RFC 3339, UTC; `null` before.
    closed_at: Option<String>,
    /// The trial balance at its end, summed by currency; empty before it is closed.
    totals: Vec<TrialView>,
    /// How many accounts the trial balance has.
    accounts: i64,
}

/// What a trial balance comes to in a currency, in its smallest unit.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrialView {
    /// ISO 4217 code.
    currency: String,
    /// Sum of the debits.
    debits: i64,
    /// Sum of the credits: the same.
    credits: i64,
}

impl From<Period> for PeriodView {
    fn from(period: Period) -> Self {
        Self {
            status: match period.status() {
                PeriodStatus::Unspecified => "unknown",
                PeriodStatus::Proposed => "proposed",
                PeriodStatus::Closed => "closed",
            },
            id: period.period_id,
            month: period.month,
            proposed_by: period.proposed_by,
            proposed_at: period.proposed_at.and_then(rfc3339),
            closed_by: Some(period.closed_by).filter(|by| !by.is_empty()),
            closed_at: period.closed_at.and_then(rfc3339),
            totals: period.currencies.into_iter().map(TrialView::from).collect(),
            accounts: period.accounts,
        }
    }
}

impl From<CurrencyProof> for TrialView {
    fn from(CurrencyProof { currency, debits, credits }: CurrencyProof) -> Self {
        Self { currency, debits, credits }
    }
}
