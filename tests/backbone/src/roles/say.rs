//! What a role tells the driver: lines on its standard output, each in one write.

use std::io::Write as _;

use crate::ledger::Acknowledged;

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// It has begun to do its work; a relay says it again each time it has come to lead.
    Works,
    /// A commit was acknowledged to it.
    Acknowledged(Acknowledged),
}

const WORKS: &str = "works";

impl Said {
    /// Reads a line.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        if line == WORKS { Some(Self::Works) } else { Acknowledged::parse(line).map(Self::Acknowledged) }
    }

    /// Says it. Nobody listens only where the driver is gone.
    pub(super) fn say(&self) {
        let line = match self {
            Self::Works => format!("{WORKS}\n"),
            Self::Acknowledged(entry) => format!("{}\n", entry.line()),
        };
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    }
}
