//! Who looks at documents.

use ids::Subject;

/// Whose documents a caller sees, within the tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Viewer {
    /// A citizen: their own.
    Citizen(Subject),
    /// Staff and services: everybody's.
    Office,
}

impl Viewer {
    /// The owner that documents must have; `None` for any.
    #[must_use]
    pub fn owner(&self) -> Option<&Subject> {
        match self {
            Self::Citizen(subject) => Some(subject),
            Self::Office => None,
        }
    }
}
