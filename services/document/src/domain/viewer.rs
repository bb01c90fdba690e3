//! Who looks at documents.

use ids::Subject;

/// Whose documents a caller sees, within the tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Viewer {
    /// Who owns them, by each of their subjects: a citizen, or staff where it is about what they hand in themselves.
    Owner(Vec<Subject>),
    /// Staff and services: everybody's.
    Office,
}

impl Viewer {
    /// The owners that documents must have one of; `None` for any.
    #[must_use]
    pub fn owners(&self) -> Option<&[Subject]> {
        match self {
            Self::Owner(subjects) => Some(subjects),
            Self::Office => None,
        }
    }
}
