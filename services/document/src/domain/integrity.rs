//! The integrity sweep: what a version's object can be found to be.

/// What was found, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integrity {
    /// The bytes that were handed in.
    Good,
    /// Others, or none.
    Bad {
        /// Nothing is there at all.
        missing: bool,
        /// The right bytes were copied back from the replica; else no replica has them.
        restored: bool,
    },
}

impl Integrity {
    /// The finding's name in the database.
    #[must_use]
    pub fn finding(self) -> &'static str {
        match self {
            Self::Good => "GOOD",
            Self::Bad { missing: false, .. } => "DIFFERENT",
            Self::Bad { missing: true, .. } => "MISSING",
        }
    }

    /// The repair's name in the database; nothing where nothing was to be repaired.
    #[must_use]
    pub fn repair(self) -> Option<&'static str> {
        match self {
            Self::Good => None,
            Self::Bad { restored: true, .. } => Some("RESTORED"),
            Self::Bad { restored: false, .. } => Some("LOST"),
        }
    }

    /// The outcome as metrics count it: `good`, `restored` or `lost`.
    #[must_use]
    pub fn outcome(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad { restored: true, .. } => "restored",
            Self::Bad { restored: false, .. } => "lost",
        }
    }
}
