//! One version of a document, and the edges of its life.

use ids::{DocumentId, Subject, Tenant, VersionId};
use time::{Duration, OffsetDateTime};

use super::policy::Period;
use super::{ClassName, Declaration, MediaType, Sha256, Version};

/// How long an upload is awaited.
pub const UPLOAD_WINDOW: Duration = Duration::hours(24);

/// How long one signature of an upload is good for.
pub const UPLOAD_SIGNATURE: Duration = Duration::minutes(15);

/// A document as one of its versions shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its id.
    pub id: DocumentId,
    /// The tenant it belongs to.
    pub tenant: Tenant,
    /// The citizen whose document it is.
    pub owner: Subject,
    /// The class that says how long its versions are kept.
    pub class: ClassName,
    /// Which version this is.
    pub version: Version,
    /// That version's id, which its due rows are about.
    pub version_id: VersionId,
    /// The newest version, whatever became of it.
    pub latest: Version,
    /// The newest version that can be read.
    pub latest_ready: Option<Version>,
    /// What was declared, and what the upload's signature enforces. The purpose is that of all versions.
    pub declaration: Declaration,
    /// Where this version stands.
    pub lifecycle: Lifecycle,
    /// Until when this version is kept at least; `None` where it was never ready.
    pub retain_until: Option<OffsetDateTime>,
    /// When this version's upload was initiated.
    pub created_at: OffsetDateTime,
    /// When the lifecycle last changed.
    pub updated_at: OffsetDateTime,
}

/// Where a version stands, with what is known only there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lifecycle {
    /// A signed upload was handed out.
    PendingUpload {
        /// Until when the bytes are awaited.
        expires_at: OffsetDateTime,
    },
    /// The bytes are there and match the declaration.
    Uploaded,
    /// A scanner has taken it.
    Scanning,
    /// Clean and of the declared type: it can be read.
    Ready {
        /// The type found in the bytes.
        detected: MediaType,
    },
    /// Refused for good.
    Rejected {
        /// Why.
        reason: RejectionReason,
        /// The type found in the bytes, where the scan came to that and found one.
        detected: Option<MediaType>,
    },
    /// No upload was confirmed in time.
    Expired,
    /// Bytes and name are gone for good.
    Erased,
}

/// [`Lifecycle`] without what is known there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// See [`Lifecycle::PendingUpload`].
    PendingUpload,
    /// See [`Lifecycle::Uploaded`].
    Uploaded,
    /// See [`Lifecycle::Scanning`].
    Scanning,
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

/// What a scan found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing bad.
    Clean {
        /// The type found in the bytes, if one was recognised.
        detected: Option<MediaType>,
    },
    /// A reason to refuse it.
    Refused {
        /// Why.
        reason: RejectionReason,
        /// The type found in the bytes, if one was recognised.
        detected: Option<MediaType>,
    },
}

/// What the object store says about an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredObject {
    /// Its size in bytes.
    pub size: i64,
    /// Its SHA-256, if the store was given one to check.
    pub sha256: Option<Sha256>,
}

/// A document after an edge, and the event that tells the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The document as it is now.
    pub document: Document,
    /// What happened.
    pub event: Event,
}

/// What happened to a document: one per edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// An upload was declared.
    Initiated,
    /// The bytes are there and match.
    Uploaded,
    /// A scanner has taken it.
    Scanning,
    /// It can be read.
    Ready,
    /// It is refused for good.
    Rejected(RejectionReason),
    /// No upload was confirmed in time.
    Expired,
}

/// An edge that the lifecycle does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a document that is {from:?} cannot {edge}")]
pub struct InvalidTransition {
    /// Where the document stands.
    pub from: Status,
    /// What was asked of it.
    pub edge: &'static str,
}

/// Why no upload is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadClosed {
    /// The window is over.
    Expired,
    /// The bytes were confirmed before.
    AlreadyConfirmed,
    /// The version was erased.
    Erased,
}

/// Why a document gets no further version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoNextVersion {
    /// The newest has no verdict yet.
    InProgress,
    /// There are [`Version::LAST`] already.
    Limit,
    /// The document was erased.
    Erased,
}

impl Document {
    /// Begins a document's life: an upload is awaited for [`UPLOAD_WINDOW`].
    #[must_use]
    pub fn initiate(
        id: DocumentId,
        version_id: VersionId,
        tenant: Tenant,
        owner: Subject,
        class: ClassName,
        declaration: Declaration,
        now: OffsetDateTime,
    ) -> Changed {
        let document = Self {
            id,
            tenant,
            owner,
            class,
            version: Version::FIRST,
            version_id,
            latest: Version::FIRST,
            latest_ready: None,
            declaration,
            lifecycle: Lifecycle::PendingUpload { expires_at: now + UPLOAD_WINDOW },
            retain_until: None,
            created_at: now,
            updated_at: now,
        };
        Changed { document, event: Event::Initiated }
    }

    /// Begins the life of the version after this one, which is the newest: the same document, other bytes.
    pub fn correct(
        &self,
        version_id: VersionId,
        declaration: Declaration,
        now: OffsetDateTime,
    ) -> Result<Changed, NoNextVersion> {
        if self.lifecycle == Lifecycle::Erased {
            return Err(NoNextVersion::Erased);
        }
        if self.version != self.latest || !self.lifecycle.status().is_settled() {
            return Err(NoNextVersion::InProgress);
        }
        let version = self.latest.next().ok_or(NoNextVersion::Limit)?;
        let document = Self {
            version,
            version_id,
            latest: version,
            declaration,
            lifecycle: Lifecycle::PendingUpload { expires_at: now + UPLOAD_WINDOW },
            retain_until: None,
            created_at: now,
            updated_at: now,
            ..self.clone()
        };
        Ok(Changed { document, event: Event::Initiated })
    }

    /// Until when bytes are awaited, or why they are not.
    pub fn upload_window(&self, now: OffsetDateTime) -> Result<OffsetDateTime, UploadClosed> {
        match self.lifecycle {
            Lifecycle::PendingUpload { expires_at } if now < expires_at => Ok(expires_at),
            Lifecycle::PendingUpload { .. } | Lifecycle::Expired => Err(UploadClosed::Expired),
            Lifecycle::Erased => Err(UploadClosed::Erased),
            Lifecycle::Uploaded
            | Lifecycle::Scanning
            | Lifecycle::Ready { .. }
            | Lifecycle::Rejected { .. } => Err(UploadClosed::AlreadyConfirmed),
        }
    }

    /// `pending_upload → uploaded`, or `→ rejected` where the stored object is not the declared one.
    pub fn confirm(self, stored: &StoredObject, now: OffsetDateTime) -> Result<Changed, InvalidTransition> {
        let Lifecycle::PendingUpload { .. } = self.lifecycle else { return self.refuse_to("be confirmed") };
        Ok(match self.mismatch(stored) {
            None => self.changed(Lifecycle::Uploaded, Event::Uploaded, now),
            Some(reason) => self.rejected(reason, None, now),
        })
    }

    /// `uploaded → scanning`.
    pub fn start_scan(self, now: OffsetDateTime) -> Result<Changed, InvalidTransition> {
        let Lifecycle::Uploaded = self.lifecycle else { return self.refuse_to("be scanned") };
        Ok(self.changed(Lifecycle::Scanning, Event::Scanning, now))
    }

    /// `scanning → ready`, or `→ rejected` where the scan says so or found another type than declared;
    /// `uploaded → rejected` too, but nothing is ready that no scanner has taken. What is ready is kept for `keep_for`.
    pub fn decide(
        self,
        verdict: Verdict,
        keep_for: Period,
        now: OffsetDateTime,
    ) -> Result<Changed, InvalidTransition> {
        match (&self.lifecycle, verdict) {
            (Lifecycle::Uploaded | Lifecycle::Scanning, Verdict::Refused { reason, detected }) => {
                Ok(self.rejected(reason, detected, now))
            }
            (Lifecycle::Scanning, Verdict::Clean { detected: Some(detected) })
                if self.declaration.media_type.is_satisfied_by(&detected) =>
            {
                let latest_ready = self.latest_ready.max(Some(self.version));
                let ready = Self { latest_ready, retain_until: Some(keep_for.after(now)), ..self };
                Ok(ready.changed(Lifecycle::Ready { detected }, Event::Ready, now))
            }
            (Lifecycle::Scanning, Verdict::Clean { detected }) => {
                Ok(self.rejected(RejectionReason::TypeMismatch, detected, now))
            }
            _ => self.refuse_to("be decided"),
        }
    }

    /// `pending_upload → expired`, once the window is over.
    pub fn expire(self, now: OffsetDateTime) -> Result<Changed, InvalidTransition> {
        match self.lifecycle {
            Lifecycle::PendingUpload { expires_at } if expires_at <= now => {
                Ok(self.changed(Lifecycle::Expired, Event::Expired, now))
            }
            _ => self.refuse_to("expire"),
        }
    }

    /// Any status but `erased → erased`. Whether nothing asks for the version to be kept is for the caller to have seen.
    pub fn erase(self, now: OffsetDateTime) -> Result<Self, InvalidTransition> {
        if self.lifecycle == Lifecycle::Erased {
            return self.refuse_to("be erased");
        }
        let declaration = Declaration { file_name: None, ..self.declaration };
        Ok(Self { declaration, lifecycle: Lifecycle::Erased, updated_at: now, ..self })
    }

    /// How a stored object differs from the declaration.
    #[must_use]
    pub fn mismatch(&self, stored: &StoredObject) -> Option<RejectionReason> {
        if stored.size != self.declaration.size.bytes() {
            Some(RejectionReason::SizeMismatch)
        } else if stored.sha256 != Some(self.declaration.sha256) {
            Some(RejectionReason::ChecksumMismatch)
        } else {
            None
        }
    }

    /// Whether it can be read.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self.lifecycle, Lifecycle::Ready { .. })
    }

    /// Key of the uploaded object in the intake bucket.
    #[must_use]
    pub fn intake_key(&self) -> String {
        format!("intake/{}/{}", self.id, self.version)
    }

    /// Key of the scanned copy in the evidence bucket.
    #[must_use]
    pub fn evidence_key(&self) -> String {
        format!("evidence/{}/{}", self.id, self.version)
    }

    fn rejected(self, reason: RejectionReason, detected: Option<MediaType>, now: OffsetDateTime) -> Changed {
        self.changed(Lifecycle::Rejected { reason, detected }, Event::Rejected(reason), now)
    }

    fn changed(self, lifecycle: Lifecycle, event: Event, now: OffsetDateTime) -> Changed {
        Changed { document: Self { lifecycle, updated_at: now, ..self }, event }
    }

    fn refuse_to<T>(&self, edge: &'static str) -> Result<T, InvalidTransition> {
        Err(InvalidTransition { from: self.lifecycle.status(), edge })
    }
}

impl Lifecycle {
    /// The lifecycle's name.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::PendingUpload { .. } => Status::PendingUpload,
            Self::Uploaded => Status::Uploaded,
            Self::Scanning => Status::Scanning,
            Self::Ready { .. } => Status::Ready,
            Self::Rejected { .. } => Status::Rejected,
            Self::Expired => Status::Expired,
            Self::Erased => Status::Erased,
        }
    }
}

impl Status {
    /// Every status, in the order of a life.
    pub const ALL: [Self; 7] = [
        Self::PendingUpload,
        Self::Uploaded,
        Self::Scanning,
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

    /// Whether the scan's outcome, the lack of an upload, or its erasure has settled the version.
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

#[cfg(test)]
mod tests;
