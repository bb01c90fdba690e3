//! Decisions about what no scanner could look into.

use ids::{DocumentId, Subject};
use time::OffsetDateTime;

use super::{Grounds, Version};

/// What becomes of a quarantined version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It can be read.
    Released,
    /// It is refused for good.
    Rejected,
}

/// What somebody decided about a quarantined version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The document.
    pub document_id: DocumentId,
    /// Its version that was quarantined.
    pub version: Version,
    /// What became of it.
    pub outcome: Outcome,
    /// Who decided.
    pub by: Subject,
    /// When.
    pub at: OffsetDateTime,
    /// Why, in their own words; `None` once that is erased with the owner.
    pub grounds: Option<Grounds>,
}

impl Outcome {
    /// The name that the database keeps.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Released => "released",
            Self::Rejected => "rejected",
        }
    }

    /// The outcome of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Released, Self::Rejected].into_iter().find(|outcome| outcome.as_str() == name)
    }
}
