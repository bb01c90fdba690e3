//! A run: many bills from one document, checked as a whole before the first is issued. No IO.

use ids::{BillRunId, DocumentId, Subject, Tenant};
use time::OffsetDateTime;

/// Lines that a document may have.
pub const MOST_LINES: i32 = 100_000;
/// Faults that are kept to be told.
pub const MOST_FAULTS: i64 = 1_000;

/// Many bills from one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillRun {
    /// Its id.
    pub id: BillRunId,
    /// Whose.
    pub tenant: Tenant,
    /// Where the lines are.
    pub document_id: DocumentId,
    /// How they are read.
    pub format: RunFormat,
    /// Where it stands.
    pub state: RunState,
    /// Lines that were read.
    pub lines: i32,
    /// Those that break a rule.
    pub faulty: i32,
    /// Bills issued.
    pub issued: i32,
    /// Lines whose bill could not be issued any more.
    pub refused: i32,
    /// Who asked for it.
    pub requested_by: Subject,
    /// When.
    pub created_at: OffsetDateTime,
    /// When it ended.
    pub finished_at: Option<OffsetDateTime>,
}

/// How a document is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunFormat {
    /// Comma-separated values with a heading.
    Csv,
    /// A JSON object in each line.
    JsonLines,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// Lines are read and checked.
    Checking,
    /// Bills are issued.
    Issuing,
    /// Nothing is left to do.
    Finished,
    /// No bill was issued.
    Failed(RunFailure),
}

/// Why no bill was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunFailure {
    /// A line breaks a rule.
    Lines,
    /// There is no such document.
    Document,
    /// The heading is another.
    Columns,
    /// It is no UTF-8.
    Encoding,
    /// There is no line.
    Empty,
    /// There are too many lines, or one is too long.
    TooLarge,
}

impl BillRun {
    /// Notes lines that were read, of which some break a rule.
    #[must_use]
    pub fn staged(mut self, lines: i32, faulty: i32) -> Self {
        self.lines = self.lines.saturating_add(lines);
        self.faulty = self.faulty.saturating_add(faulty);
        self
    }

    /// Ends the reading: there are no more lines.
    #[must_use]
    pub fn read(mut self, now: OffsetDateTime) -> Self {
        match (self.lines, self.faulty) {
            (0, _) => self.fail(RunFailure::Empty, now),
            (_, 0) => {
                self.state = RunState::Issuing;
                self
            }
            _ => self.fail(RunFailure::Lines, now),
        }
    }

    /// Ends it without a bill.
    #[must_use]
    pub fn fail(mut self, failure: RunFailure, now: OffsetDateTime) -> Self {
        self.state = RunState::Failed(failure);
        self.finished_at = Some(now);
        self
    }

    /// Notes that a line has its bill, or cannot have one any more.
    #[must_use]
    pub fn line_done(mut self, issued: bool, now: OffsetDateTime) -> Self {
        if issued {
            self.issued += 1;
        } else {
            self.refused += 1;
        }
        if self.issued + self.refused >= self.lines {
            self.state = RunState::Finished;
            self.finished_at = Some(now);
        }
        self
    }

    /// Whether nothing is left to do.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.state, RunState::Finished | RunState::Failed(_))
    }
}

impl RunFormat {
    /// Its name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "json_lines",
        }
    }
}

impl RunState {
    /// Its name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Checking => "checking",
            Self::Issuing => "issuing",
            Self::Finished => "finished",
            Self::Failed(_) => "failed",
        }
    }
}

impl RunFailure {
    /// Its name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lines => "lines",
            Self::Document => "document",
            Self::Columns => "columns",
            Self::Encoding => "encoding",
            Self::Empty => "empty",
            Self::TooLarge => "too_large",
        }
    }
}

#[cfg(test)]
mod tests {
    use clock::Clock;
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2030-05-01 12:00 UTC);

    fn run() -> BillRun {
        let clock = Clock::frozen(NOW);
        BillRun {
            id: BillRunId::mint(&clock),
            tenant: "riverton".parse().unwrap(),
            document_id: DocumentId::mint(&clock),
            format: RunFormat::Csv,
            state: RunState::Checking,
            lines: 0,
            faulty: 0,
            issued: 0,
            refused: 0,
            requested_by: "sam".parse().unwrap(),
            created_at: NOW,
            finished_at: None,
        }
    }

    #[test]
    fn a_document_without_a_line_fails() {
        assert_eq!(run().read(NOW).state, RunState::Failed(RunFailure::Empty));
    }

    #[test]
    fn each_line_is_counted_as_what_it_came_to() {
        let mut run = run().staged(2, 0).staged(1, 0).read(NOW);
        for (issued, counts) in [(true, (1, 0)), (false, (1, 1)), (true, (2, 1))] {
            assert!(!run.is_over());
            run = run.line_done(issued, NOW);
            assert_eq!((run.issued, run.refused), counts);
        }
        assert_eq!((run.state, run.finished_at), (RunState::Finished, Some(NOW)));
    }

    proptest! {
        #[test]
        fn bills_are_issued_only_when_every_line_is_right_and_each_line_ends_once(
            batches in prop::collection::vec((0..50_i32, 0..3_i32), 0..20),
            issued in prop::collection::vec(any::<bool>(), 1_000),
        ) {
            let read = batches.iter().fold(run(), |run, (lines, faulty)| run.staged(*lines, (*faulty).min(*lines)));
            let (lines, faulty) = (read.lines, read.faulty);
            let mut run = read.read(NOW);
            prop_assert_eq!(run.state == RunState::Issuing, lines > 0 && faulty == 0);
            let mut left = issued.into_iter();
            while let (RunState::Issuing, Some(issued)) = (run.state, left.next()) {
                run = run.line_done(issued, NOW);
                prop_assert!(run.issued + run.refused <= run.lines);
                prop_assert_eq!(run.is_over(), run.issued + run.refused == run.lines);
            }
            prop_assert_eq!(run.is_over(), run.finished_at.is_some());
        }
    }
}
