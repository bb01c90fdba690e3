//! A report as the provider writes it, whatever its format.

use std::collections::BTreeMap;

use super::LineKind;
use crate::domain::Currency;

/// Lines that a report can have.
pub const MOST_LINES: usize = 100_000;
/// The largest amount of a line, and of a total: sums of a report are in range.
const MOST: i64 = 1_000_000_000_000;

/// A provider's report of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// SHA-256 of the file as it came.
    pub sha256: [u8; 32],
    lines: Vec<ReportLine>,
    stated: Vec<Stated>,
}

/// A line of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportLine {
    /// What moved.
    pub kind: LineKind,
    /// What the provider calls the line; may be empty.
    pub id: String,
    /// What the provider calls the payment; may be empty.
    pub payment: String,
    /// What the provider calls what moved: the payment, the refund or the dispute; may be empty.
    pub object: String,
    /// What we call the payment; may be empty.
    pub reference: String,
    /// Of what.
    pub currency: Currency,
    /// Signed: positive is the tenant's gain.
    pub amount: i64,
}

/// What a report says that it comes to, in a currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// Which.
    pub currency: Currency,
    /// How many lines it has.
    pub lines: usize,
    /// What they come to.
    pub net: i64,
}

/// Why something is no whole report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoReport {
    /// It has too many lines.
    #[error("it has more lines than are read")]
    Lines,
    /// A name is too long, or has characters that nobody can read.
    #[error("a name is longer than 255 bytes, or has control characters")]
    Name,
    /// An amount is too large.
    #[error("an amount is out of range")]
    Amount,
    /// It does not say what it comes to, or has more or fewer lines than it says: a part is missing.
    #[error("it is not whole")]
    NotWhole,
}

impl Report {
    /// A report that is whole.
    ///
    /// # Errors
    /// [`NoReport`].
    pub fn new(sha256: [u8; 32], lines: Vec<ReportLine>, stated: Vec<Stated>) -> Result<Self, NoReport> {
        if lines.len() > MOST_LINES {
            return Err(NoReport::Lines);
        }
        let readable = |name: &String| name.len() <= 255 && !name.chars().any(char::is_control);
        let names = |line: &ReportLine| {
            [&line.id, &line.payment, &line.object, &line.reference].into_iter().all(readable)
        };
        if !lines.iter().all(names) {
            return Err(NoReport::Name);
        }
        let mut amounts = lines.iter().map(|line| line.amount).chain(stated.iter().map(|total| total.net));
        if !amounts.all(|amount| (-MOST..=MOST).contains(&amount)) {
            return Err(NoReport::Amount);
        }
        let mut found: BTreeMap<Currency, usize> = BTreeMap::new();
        for line in &lines {
            *found.entry(line.currency).or_default() += 1;
        }
        let said: BTreeMap<Currency, usize> =
            stated.iter().map(|total| (total.currency, total.lines)).collect();
        if found != said || said.len() != stated.len() {
            return Err(NoReport::NotWhole);
        }
        Ok(Self { sha256, lines, stated })
    }

    /// Its lines.
    #[must_use]
    pub fn lines(&self) -> &[ReportLine] {
        &self.lines
    }

    /// What it says that it comes to, once for each currency that it has lines of.
    #[must_use]
    pub fn stated(&self) -> &[Stated] {
        &self.stated
    }
}
