//! What providers have settled, as JSON.

pub mod get;
pub mod list;

use proto::common::v1::Money;
use proto::payment::v1::{
    Settlement, SettlementLine, SettlementLineKind, SettlementLineStatus, SettlementTotal,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::money::MoneyView;
use crate::http::notifications::rfc3339;

/// A provider's report of a day, compared with what happened here.
#[derive(Debug, Serialize, ToSchema)]
pub struct SettlementView {
    /// UUIDv7.
    id: String,
    /// The account at the provider.
    account: String,
    /// The day, `YYYY-MM-DD` (UTC).
    day: String,
    /// When it was fetched; RFC 3339, UTC.
    fetched_at: Option<String>,
    /// SHA-256 of the file as it came, lower-case hexadecimal.
    sha256: String,
    /// Lines of the provider's report, without its totals.
    report_lines: i32,
    /// Lines that match.
    matched: i32,
    /// Lines that do not: somebody has to look.
    unmatched: i32,
    /// What it comes to, by currency.
    totals: Vec<SettlementTotalView>,
}

/// What a settlement comes to in a currency, in its smallest unit; positive is the tenant's gain.
#[derive(Debug, Serialize, ToSchema)]
pub struct SettlementTotalView {
    /// ISO 4217 code.
    currency: String,
    /// What has arrived at the bank, by the report.
    net: i64,
    /// What the provider took for itself.
    fees: i64,
    /// What it settles of what the provider owed.
    settled: i64,
    /// What nobody can explain yet.
    unexplained: i64,
}

/// A line of a settlement.
#[derive(Debug, Serialize, ToSchema)]
pub struct SettlementLineView {
    /// From 1; what does not match has the lowest.
    number: i32,
    /// `charge`, `refund`, `fee`, `dispute`, `dispute_reversal`, `other` or `net`.
    kind: &'static str,
    /// `matched`, `amount_differs`, `missing_here`, `missing_there`, `repeated`, `net_differs` or `found`.
    status: &'static str,
    /// What the report says; `null` when it says nothing.
    reported: Option<MoneyView>,
    /// What happened here; `null` when nothing did.
    expected: Option<MoneyView>,
    /// UUIDv7 of the payment; `null` when it is none of ours.
    payment_id: Option<String>,
    /// UUIDv7 of what moved: the payment, refund or dispute; `null` when it is none of ours.
    subject_id: Option<String>,
    /// Number of the line in the report; `null` when it is in none.
    report_line: Option<i32>,
    /// What the provider calls the movement.
    provider_line: Option<String>,
    /// What the provider calls what moved.
    provider_object: Option<String>,
    /// The reference that the provider has.
    reference: Option<String>,
    /// UUIDv7 of the settlement that has explained it since; else `null`.
    explained_by: Option<String>,
}

impl From<Settlement> for SettlementView {
    fn from(settlement: Settlement) -> Self {
        Self {
            id: settlement.settlement_id,
            account: settlement.account,
            day: settlement.day,
            fetched_at: settlement.fetched_at.and_then(rfc3339),
            sha256: settlement.sha256,
            report_lines: settlement.report_lines,
            matched: settlement.matched,
            unmatched: settlement.unmatched,
            totals: settlement.totals.into_iter().map(SettlementTotalView::from).collect(),
        }
    }
}

impl From<SettlementTotal> for SettlementTotalView {
    fn from(total: SettlementTotal) -> Self {
        let SettlementTotal { currency, net, fees, settled, unexplained } = total;
        Self { currency, net, fees, settled, unexplained }
    }
}

impl From<SettlementLine> for SettlementLineView {
    fn from(line: SettlementLine) -> Self {
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        let money = |money: Option<Money>| money.map(MoneyView::from);
        Self {
            kind: match line.kind() {
                SettlementLineKind::Unspecified => "unknown",
                SettlementLineKind::Charge => "charge",
                SettlementLineKind::Refund => "refund",
                SettlementLineKind::Fee => "fee",
                SettlementLineKind::Dispute => "dispute",
                SettlementLineKind::DisputeReversal => "dispute_reversal",
                SettlementLineKind::Other => "other",
                SettlementLineKind::Net => "net",
            },
            status: match line.status() {
                SettlementLineStatus::Unspecified => "unknown",
                SettlementLineStatus::Matched => "matched",
                SettlementLineStatus::AmountDiffers => "amount_differs",
                SettlementLineStatus::MissingHere => "missing_here",
                SettlementLineStatus::MissingThere => "missing_there",
                SettlementLineStatus::Repeated => "repeated",
                SettlementLineStatus::NetDiffers => "net_differs",
                SettlementLineStatus::Found => "found",
            },
            number: line.number,
            reported: money(line.reported),
            expected: money(line.expected),
            payment_id: given(line.payment_id),
            subject_id: given(line.subject_id),
            report_line: Some(line.report_line).filter(|number| *number > 0),
            provider_line: given(line.provider_line),
            provider_object: given(line.provider_object),
            reference: given(line.reference),
            explained_by: given(line.explained_by),
        }
    }
}
