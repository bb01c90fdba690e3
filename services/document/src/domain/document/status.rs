//! Where a version stands, and why one is refused, by name.

#[cfg(doc)]
use super::Lifecycle;

/// [`Lifecycle`] without what is known there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// See [`Lifecycle::PendingUpload`].
    PendingUpload,
    /// See [`Lifecycle::Uploaded`].
    Uploaded,
    /// See [`Lifecycle::Scanning`].
    Scanning,
    /// See [`Lifecycle::Quarantined`].
    Quarantined,
    /// See [`Lifecycle::Ready`].
    Ready,
    /// See [`Lifecycle::Rejected`].
    Rejected,
    /// See [`Lifecycle::Expired`].
    Expired,
    /// See [`Lifecycle::Erased`].
    Erased,
}

/// Why a document is refused for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectionReason {
    /// The virus scanner found something.
    Infected,
    /// The bytes are of another type than declared.
    TypeMismatch,
    /// The stored object has another size than declared.
    SizeMismatch,
    /// The stored object has another SHA-256 than declared, or none.
    ChecksumMismatch,
    /// The scanner cannot look inside.
    Unscannable,
}

impl Status {
    /// Every status, in the order of a life.
    pub const ALL: [Self; 8] = [
        Self::PendingUpload,
        Self::Uploaded,
        Self::Scanning,
        Self::Quarantined,
        Self::Ready,
        Self::Rejected,
        Self::Expired,
        Self::Erased,
    ];

    /// The name that the database keeps.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PendingUpload => "pending_upload",
            Self::Uploaded => "uploaded",
            Self::Scanning => "scanning",
            Self::Quarantined => "quarantined",
            Self::Ready => "ready",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Erased => "erased",
        }
    }

    /// The status of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// Whether the upload is awaited, or a scan has yet to read it.
    #[must_use]
    pub fn needs_intake(self) -> bool {
        matches!(self, Self::PendingUpload | Self::Uploaded | Self::Scanning)
    }

    /// Whether the outcome of scan and review, the lack of an upload, or its erasure has settled the version.
    #[must_use]
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Ready | Self::Rejected | Self::Expired | Self::Erased)
    }
}

impl RejectionReason {
    /// Every reason.
    pub const ALL: [Self; 5] =
        [Self::Infected, Self::TypeMismatch, Self::SizeMismatch, Self::ChecksumMismatch, Self::Unscannable];

    /// The name that the database keeps.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Infected => "INFECTED",
            Self::TypeMismatch => "TYPE_MISMATCH",
            Self::SizeMismatch => "SIZE_MISMATCH",
            Self::ChecksumMismatch => "CHECKSUM_MISMATCH",
            Self::Unscannable => "UNSCANNABLE",
        }
    }

    /// The reason of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}
