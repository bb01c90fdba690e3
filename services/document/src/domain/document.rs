//! One version of a document, and the edges of its life.

mod status;

pub use status::{RejectionReason, Status};

use ids::{DocumentId, Subject, Tenant, VersionId};
use time::{Duration, OffsetDateTime};

use super::policy::{Period, Unscannable};
use super::quarantine::Outcome;
use super::{ClassName, Declaration, MediaType, Parts, Sha256, Version};

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
    /// No scanner can look into it: it waits for somebody's decision, and can be read by whoever takes that alone.
    Quarantined {
        /// The type found in the bytes.
        detected: MediaType,
    },
    /// Clean, or released by somebody, and of the declared type: it can be read.
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
    /// How many parts it was put together from, where the store has checked each of them and not the whole.
    pub parts: Option<i32>,
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
    /// It waits for somebody's decision.
    Quarantined,
    /// It can be read.
    Ready,
    /// A service has made it, and it can be read.
    Stored,
    /// It is refused for good.
    Rejected(RejectionReason),
    /// No upload was confirmed in time.
    Expired,
    /// Its owner has given the upload up.
    GivenUp,
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

    /// Begins the life of what a service has made for its owner: nobody has to be waited for, nor to look what it is. It is kept for
    /// `keep_for`.
    #[must_use]
    pub fn store(
        id: DocumentId,
        version_id: VersionId,
        of: (Tenant, Subject),
        class: ClassName,
        declaration: Declaration,
        keep_for: Period,
        now: OffsetDateTime,
    ) -> Changed {
        let detected = declaration.media_type.clone();
        let Changed { document, .. } = Self::initiate(id, version_id, of.0, of.1, class, declaration, now);
        Changed { event: Event::Stored, ..document.ready(detected, keep_for, now) }
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
            | Lifecycle::Quarantined { .. }
            | Lifecycle::Ready { .. }
            | Lifecycle::Rejected { .. } => Err(UploadClosed::AlreadyConfirmed),
        }
    }

    /// `pending_upload → uploaded`, or `→ rejected` where the stored object is not the declared one.
    pub fn confirm(self, stored: &StoredObject, now: OffsetDateTime) -> Result<Changed, InvalidTransition> {
        let Lifecycle::PendingUpload { .. } = self.lifecycle else { return self.refuse_to("be confirmed") };
        let differs = match self.parts() {
            // The SHA-256 of the whole is compared by the scan, which reads it.
            Some(parts) if stored.parts == Some(parts.count()) => {
                (stored.size != self.declaration.size.bytes()).then_some(RejectionReason::SizeMismatch)
            }
            _ => self.mismatch(stored),
        };
        Ok(match differs {
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
    /// `scanning → quarantined` where the scanner cannot look into what is of the declared type, and `unscannable` asks for
    /// a review.
    pub fn decide(
        self,
        verdict: Verdict,
        unscannable: Unscannable,
        keep_for: Period,
        now: OffsetDateTime,
    ) -> Result<Changed, InvalidTransition> {
        match (&self.lifecycle, verdict) {
            (
                Lifecycle::Scanning,
                Verdict::Refused { reason: RejectionReason::Unscannable, detected: Some(detected) },
            ) if unscannable == Unscannable::Review
                && self.declaration.media_type.is_satisfied_by(&detected) =>
            {
                Ok(self.changed(Lifecycle::Quarantined { detected }, Event::Quarantined, now))
            }
            (Lifecycle::Uploaded | Lifecycle::Scanning, Verdict::Refused { reason, detected }) => {
                Ok(self.rejected(reason, detected, now))
            }
            (Lifecycle::Scanning, Verdict::Clean { detected: Some(detected) })
                if self.declaration.media_type.is_satisfied_by(&detected) =>
            {
                Ok(self.ready(detected, keep_for, now))
            }
            (Lifecycle::Scanning, Verdict::Clean { detected }) => {
                Ok(self.rejected(RejectionReason::TypeMismatch, detected, now))
            }
            _ => self.refuse_to("be decided"),
        }
    }

    /// `quarantined → ready`, kept for `keep_for` from now on, or `→ rejected`.
    pub fn review(
        self,
        outcome: Outcome,
        keep_for: Period,
        now: OffsetDateTime,
    ) -> Result<Changed, InvalidTransition> {
        let Lifecycle::Quarantined { detected } = &self.lifecycle else {
            return self.refuse_to("be reviewed");
        };
        let detected = detected.clone();
        Ok(match outcome {
            Outcome::Released => self.ready(detected, keep_for, now),
            Outcome::Rejected => self.rejected(RejectionReason::Unscannable, Some(detected), now),
        })
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

    /// `pending_upload → expired`, before the window is over.
    pub fn give_up(self, now: OffsetDateTime) -> Result<Changed, InvalidTransition> {
        let Lifecycle::PendingUpload { .. } = self.lifecycle else { return self.refuse_to("be given up") };
        Ok(self.changed(Lifecycle::Expired, Event::GivenUp, now))
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

    /// Its parts, where it is sent in parts.
    #[must_use]
    pub fn parts(&self) -> Option<Parts> {
        Parts::of(self.declaration.size)
    }

    /// The type found in the bytes, once it can be read.
    #[must_use]
    pub fn detected(&self) -> Option<&MediaType> {
        match &self.lifecycle {
            Lifecycle::Ready { detected } => Some(detected),
            _ => None,
        }
    }

    /// Whether it can be read.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self.lifecycle, Lifecycle::Ready { .. })
    }

    /// Whether its bytes are to be in the evidence bucket: it can be read, or waits for a decision.
    #[must_use]
    pub fn has_evidence(&self) -> bool {
        matches!(self.lifecycle, Lifecycle::Ready { .. } | Lifecycle::Quarantined { .. })
    }

    fn ready(self, detected: MediaType, keep_for: Period, now: OffsetDateTime) -> Changed {
        let latest_ready = self.latest_ready.max(Some(self.version));
        let ready = Self { latest_ready, retain_until: Some(keep_for.after(now)), ..self };
        ready.changed(Lifecycle::Ready { detected }, Event::Ready, now)
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
            Self::Quarantined { .. } => Status::Quarantined,
            Self::Ready { .. } => Status::Ready,
            Self::Rejected { .. } => Status::Rejected,
            Self::Expired => Status::Expired,
            Self::Erased => Status::Erased,
        }
    }
}

#[cfg(test)]
mod tests;
