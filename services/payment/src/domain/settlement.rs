//! Settlement: a provider's report of a day, compared line by line with what happened here. No IO.
//!
//! The bank has what the report says. What the provider owed is less by what we know of; what nobody can explain stays in suspense,
//! where somebody corrects it by hand, with a line that says why. Whatever moved is settled once.

use std::collections::{BTreeMap, BTreeSet};

use ids::{PaymentId, SettlementId, Tenant};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{AccountName, Currency, Day};

mod compare;
mod report;

pub use compare::compare;
pub use report::{MOST_LINES, NoReport, Report, ReportLine, Stated};

/// A report of a day, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Its id.
    pub id: SettlementId,
    /// Whose account it is.
    pub tenant: Tenant,
    /// The account at the provider.
    pub account: AccountName,
    /// The day.
    pub day: Day,
    /// When it was fetched.
    pub fetched_at: OffsetDateTime,
    /// SHA-256 of the file as it came.
    pub sha256: [u8; 32],
    /// Lines of the report, without its totals.
    pub report_lines: i32,
    /// Lines that match.
    pub matched: i32,
    /// All other lines.
    pub unmatched: i32,
    /// What it comes to.
    pub totals: BTreeMap<Currency, Totals>,
}

/// What a settlement comes to in a currency: `net` is `settled` and `unexplained` without `fees`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// What has arrived at the bank.
    pub net: i64,
    /// What the provider took for itself.
    pub fees: i64,
    /// What it does not owe any longer.
    pub settled: i64,
    /// What nobody can explain.
    pub unexplained: i64,
}

/// What moves at a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LineKind {
    /// A payment was charged.
    Charge,
    /// A refund was given back.
    Refund,
    /// The provider took something for itself.
    Fee,
    /// Contested money was withdrawn.
    Dispute,
    /// Contested money came back.
    DisputeReversal,
    /// Something that is not known here.
    Other,
    /// A total of the report.
    Net,
}

/// How a line compares with what happened here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LineStatus {
    /// It is what happened.
    Matched,
    /// It happened, with another amount.
    AmountDiffers,
    /// The report has it, and nothing like it happened here.
    MissingHere,
    /// It happened here, and no report up to this one has it.
    MissingThere,
    /// The report, or an earlier one, has it already.
    Repeated,
    /// The report's total is not the sum of its lines.
    NetDiffers,
    /// What was missing here in an earlier settlement is known by now.
    Found,
}

/// Something that moved here, of which a report is to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// What moved.
    pub kind: LineKind,
    /// The payment, refund or dispute.
    pub subject: Uuid,
    /// Of which payment.
    pub payment: PaymentId,
    /// What the provider calls the payment, refund or dispute.
    pub object: String,
    /// Of what.
    pub currency: Currency,
    /// Signed: positive is the tenant's gain.
    pub amount: i64,
    /// An earlier report has it.
    pub settled: bool,
    /// It is missing there if this report does not have it: it happened by then, and was not missed before.
    pub expected: bool,
}

/// A line that was missing here in an earlier settlement, of a payment of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stray {
    /// What moved.
    pub kind: LineKind,
    /// What the provider calls what moved.
    pub object: String,
    /// The payment that it is of.
    pub payment: PaymentId,
    /// Of what.
    pub currency: Currency,
    /// What that report has said, signed.
    pub amount: i64,
}

/// What is known here.
#[derive(Clone, Debug, Default)]
pub struct Ours {
    /// Payments that the report may name, and what the provider calls them, or their charges where those have names of their own.
    pub payments: BTreeMap<PaymentId, Option<String>>,
    /// What moved.
    pub movements: Vec<Movement>,
    /// Lines of the provider's that counted before.
    pub counted: BTreeSet<String>,
    /// Lines that were missing here before.
    pub strays: Vec<Stray>,
}

/// A line of a settlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What moved.
    pub kind: LineKind,
    /// How it compares.
    pub status: LineStatus,
    /// Where it stands in the report, from 1.
    pub report_line: Option<i32>,
    /// What the provider calls the line.
    pub provider_line: Option<String>,
    /// What the provider calls what moved.
    pub provider_object: Option<String>,
    /// The reference that the provider has.
    pub reference: Option<String>,
    /// Of what.
    pub currency: Currency,
    /// What the report says, signed.
    pub reported: Option<i64>,
    /// What happened here, signed.
    pub expected: Option<i64>,
    /// The payment, if it is one of ours.
    pub payment: Option<PaymentId>,
    /// What moved, if it is known here.
    pub subject: Option<Uuid>,
}

/// A report compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// What does not match first.
    pub lines: Vec<Line>,
    /// Payments that the provider has to be asked about: the report knows more of them than we do.
    pub to_ask: BTreeSet<PaymentId>,
}

impl LineKind {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::Charge, Self::Refund, Self::Fee, Self::Dispute, Self::DisputeReversal, Self::Other, Self::Net];

    /// Its name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Refund => "refund",
            Self::Fee => "fee",
            Self::Dispute => "dispute",
            Self::DisputeReversal => "dispute_reversal",
            Self::Other => "other",
            Self::Net => "net",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl LineStatus {
    /// Every status.
    pub const ALL: [Self; 7] = [
        Self::Matched,
        Self::AmountDiffers,
        Self::MissingHere,
        Self::MissingThere,
        Self::Repeated,
        Self::NetDiffers,
        Self::Found,
    ];

    /// Its name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::AmountDiffers => "amount_differs",
            Self::MissingHere => "missing_here",
            Self::MissingThere => "missing_there",
            Self::Repeated => "repeated",
            Self::NetDiffers => "net_differs",
            Self::Found => "found",
        }
    }

    /// The status of a name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Nobody has to look at it.
    #[must_use]
    pub fn is_right(self) -> bool {
        matches!(self, Self::Matched | Self::Found)
    }

    /// What moved is settled by it.
    #[must_use]
    pub fn settles(self) -> bool {
        matches!(self, Self::Matched | Self::AmountDiffers | Self::Found)
    }
}

impl Line {
    /// What it adds to what the settlement comes to.
    #[must_use]
    pub fn counts(&self) -> Totals {
        let net = self.reported.unwrap_or(0);
        let ours = self.expected.filter(|_| self.status.settles()).unwrap_or(0);
        match self.kind {
            LineKind::Fee => Totals { net, fees: -ours, settled: 0, unexplained: net.saturating_sub(ours) },
            _ => Totals { net, fees: 0, settled: ours, unexplained: net.saturating_sub(ours) },
        }
    }
}

impl Compared {
    /// What all lines come to, by currency.
    #[must_use]
    pub fn totals(&self) -> BTreeMap<Currency, Totals> {
        let mut totals: BTreeMap<Currency, Totals> = BTreeMap::new();
        for line in &self.lines {
            let (of, counts) = (totals.entry(line.currency).or_default(), line.counts());
            of.net = of.net.saturating_add(counts.net);
            of.fees = of.fees.saturating_add(counts.fees);
            of.settled = of.settled.saturating_add(counts.settled);
            of.unexplained = of.unexplained.saturating_add(counts.unexplained);
        }
        totals
    }

    /// How many lines match, and how many do not.
    #[must_use]
    pub fn count(&self) -> (i32, i32) {
        let right = self.lines.iter().filter(|line| line.status.is_right()).count();
        let number = |count| i32::try_from(count).unwrap_or(i32::MAX);
        (number(right), number(self.lines.len() - right))
    }
}

#[cfg(test)]
mod tests;
