//! What a pass has found, for logs, metrics and people.

use std::collections::BTreeMap;
use std::fmt;

use opentelemetry::metrics::{Counter, Gauge};
use opentelemetry::{KeyValue, global};
use serde::{Deserialize, Serialize};

use crate::Error;

/// Lines of a report about what remains; what is beyond is counted all the same.
const LINES: usize = 200;

/// What is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// A version that can be read has no evidence. Nothing is made up: an operator has to act.
    Missing,
    /// Its evidence has another size or SHA-256 than was declared. The bytes are left as they are.
    Differs,
    /// Its evidence is hidden behind the mark of a deletion, which is taken away.
    Hidden,
    /// Its evidence is kept less strictly, or more, than the database asks; the store is told again.
    Locks,
    /// A version that can be read was never asked a preview or a check for: it became ready under a release that knew of
    /// neither. It is asked.
    Unscheduled,
    /// An object that no version wants; deleted once it is older than the horizon.
    Orphan,
    /// The same, but a lock or a legal hold keeps it.
    LockedOrphan,
    /// An upload in parts that nobody awaits; ended once it is older than the horizon.
    OpenUpload,
    /// An object whose key no version has. It is left alone.
    Foreign,
    /// Something that the store gave no answer about, though it answers.
    Unasked,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was mended.
    Healed,
    /// It is too young to be looked at: what it belongs to may be on its way.
    Young,
    /// It is still so.
    Remains,
}

/// One finding, with its ids in words.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) finding: Finding,
    pub(super) outcome: Outcome,
    what: String,
}

/// How often something was found, and what became of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Mended.
    pub healed: u64,
    /// Too young.
    pub young: u64,
    /// Still so.
    pub remains: u64,
}

/// What a pass has found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// By what it is.
    pub tallies: BTreeMap<Finding, Tally>,
    /// The first of what remains, a line each: what it is, and ids.
    pub lines: Vec<String>,
}

impl Finding {
    /// Its name in reports and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Differs => "differs",
            Self::Hidden => "hidden",
            Self::Locks => "locks",
            Self::Unscheduled => "unscheduled",
            Self::Orphan => "orphan",
            Self::LockedOrphan => "locked_orphan",
            Self::OpenUpload => "open_upload",
            Self::Foreign => "foreign",
            Self::Unasked => "unasked",
        }
    }
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Self::Healed => "healed",
            Self::Young => "young",
            Self::Remains => "remains",
        }
    }
}

impl Seen {
    pub(super) fn of(finding: Finding, outcome: Outcome, what: &dyn fmt::Display) -> Self {
        Self { finding, outcome, what: what.to_string() }
    }
}

impl Report {
    pub(super) fn add(&mut self, seen: &Seen) {
        let tally = self.tallies.entry(seen.finding).or_default();
        match seen.outcome {
            Outcome::Healed => tally.healed += 1,
            Outcome::Young => tally.young += 1,
            Outcome::Remains => {
                tally.remains += 1;
                if self.lines.len() < LINES {
                    self.lines.push(format!("{}: {}", seen.finding.name(), seen.what));
                }
            }
        }
    }

    /// How much was found.
    #[must_use]
    pub fn found(&self) -> u64 {
        self.tallies.values().map(|tally| tally.healed + tally.young + tally.remains).sum()
    }

    /// How much of it is still so.
    #[must_use]
    pub fn remains(&self) -> u64 {
        self.tallies.values().map(|tally| tally.remains).sum()
    }

    /// How often something was found, and what became of it.
    #[must_use]
    pub fn tally(&self, finding: Finding) -> Tally {
        self.tallies.get(&finding).copied().unwrap_or_default()
    }

    pub(super) fn to_json(&self) -> Result<serde_json::Value, Error> {
        serde_json::to_value(self).map_err(|error| sqlx::Error::Encode(error.into()).into())
    }

    pub(super) fn from_json(json: serde_json::Value) -> Result<Self, Error> {
        serde_json::from_value(json).map_err(|error| sqlx::Error::Decode(error.into()).into())
    }
}

/// A table for a terminal.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<14} {:>8} {:>8} {:>8}", "found", "healed", "young", "remains")?;
        for (finding, Tally { healed, young, remains }) in &self.tallies {
            writeln!(f, "{:<14} {healed:>8} {young:>8} {remains:>8}", finding.name())?;
        }
        if self.tallies.is_empty() {
            writeln!(f, "nothing")?;
        }
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// What operators are shown of all passes.
#[derive(Clone, Debug)]
pub(super) struct Metrics {
    findings: Counter<u64>,
    passes: Counter<u64>,
    remains: Gauge<u64>,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let meter = global::meter("document");
        Self {
            findings: meter
                .u64_counter("reconcile.findings")
                .with_description(
                    "What rows and objects did not agree in, by what it is and what became of it",
                )
                .build(),
            passes: meter
                .u64_counter("reconcile.passes")
                .with_description("Passes over all rows and objects")
                .build(),
            remains: meter
                .u64_gauge("reconcile.remains")
                .with_description("What the last pass has found and not mended")
                .build(),
        }
    }

    pub(super) fn count(&self, seen: &Seen) {
        let labels =
            [KeyValue::new("finding", seen.finding.name()), KeyValue::new("outcome", seen.outcome.name())];
        self.findings.add(1, &labels);
    }

    pub(super) fn finished(&self, report: &Report) {
        self.passes.add(1, &[]);
        self.remains.record(report.remains(), &[]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_adds_up_reads_back_and_is_shown_as_a_table() {
        let mut report = Report::default();
        for outcome in [Outcome::Healed, Outcome::Remains, Outcome::Young, Outcome::Remains] {
            report.add(&Seen::of(Finding::LockedOrphan, outcome, &"evidence/x/1"));
        }
        assert_eq!((report.found(), report.remains()), (4, 2));
        let tally = Tally { healed: 1, young: 1, remains: 2 };
        assert_eq!(
            (report.tally(Finding::LockedOrphan), report.tally(Finding::Missing)),
            (tally, Tally::default())
        );
        assert_eq!(Report::from_json(report.to_json().unwrap()).unwrap(), report);
        insta::assert_snapshot!(report, @r"
        found            healed    young  remains
        locked_orphan         1        1        2
        locked_orphan: evidence/x/1
        locked_orphan: evidence/x/1
        ");
    }

    #[test]
    fn what_is_beyond_the_lines_is_counted() {
        let mut report = Report::default();
        for _ in 0..=LINES {
            report.add(&Seen::of(Finding::Missing, Outcome::Remains, &"x"));
        }
        assert_eq!((report.lines.len(), report.remains()), (LINES, 201));
    }
}
