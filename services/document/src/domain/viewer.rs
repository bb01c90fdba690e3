//! Who looks at documents.

use ids::Subject;

/// Whose documents a caller sees, within the tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Viewer {
    /// Who owns them: a citizen, or staff where it is about what they hand in themselves.
    Owner(Subject),
    /// Staff and services: everybody's.
    Office,
}

impl Viewer {
    /// The owner that documents must have; `None` for any.
    #[must_use]
    pub fn owner(&self) -> Option<&Subject> {
        match self {
            Self::Owner(subject) => Some(subject),
            Self::Office => None,
        }
    }
}
