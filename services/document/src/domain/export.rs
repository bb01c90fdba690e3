//! Exports of cases.

use ids::{ExportId, Subject, Tenant};
use time::OffsetDateTime;

use super::{Act, CaseRef, Sha256};

/// A copy of what is known of a case, as a signed archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// Its id.
    pub id: ExportId,
    /// Whose case it is.
    pub tenant: Tenant,
    /// Which case.
    pub case_ref: CaseRef,
    /// Who asked for it, when, and why.
    pub asked: Act,
    /// Where it stands.
    pub state: ExportState,
    /// How often somebody began to make it.
    pub attempt: i32,
    /// Until when whoever makes it has it for themselves.
    pub leased_until: Option<OffsetDateTime>,
    /// When it is erased by itself.
    pub kept_until: OffsetDateTime,
}

/// Where an export stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportState {
    /// It is being made.
    Pending,
    /// It can be fetched.
    Ready(Archive),
    /// It cannot be made.
    Failed(ExportFailure),
    /// It is gone, or about to.
    Erased,
}

/// What was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Archive {
    /// SHA-256 of the manifest, which says what the rest is.
    pub manifest_sha256: Sha256,
    /// Size of the archive in bytes.
    pub size_bytes: i64,
}

/// Why an export cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFailure {
    /// No document belongs to the case any longer.
    CaseEmpty,
    /// The case has become too large.
    CaseTooLarge,
    /// A file in the store is not what was handed in, or is not there.
    EvidenceMissing,
    /// The audit chain is not what was signed.
    AuditBroken,
}

impl Export {
    /// The key of what a try makes.
    #[must_use]
    pub fn object_key(&self, attempt: i32) -> String {
        format!("{}{attempt}.zip", self.prefix())
    }

    /// What the keys of all tries begin with.
    #[must_use]
    pub fn prefix(&self) -> String {
        format!("{}/{}/", self.tenant, self.id)
    }

    /// What browsers save it as.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("case-{}.zip", self.case_ref)
    }

    /// Who asked for it.
    #[must_use]
    pub fn by(&self) -> &Subject {
        &self.asked.by
    }

    /// Whether somebody may be making it.
    #[must_use]
    pub fn is_leased(&self, now: OffsetDateTime) -> bool {
        self.leased_until.is_some_and(|until| now < until)
    }
}

impl ExportFailure {
    /// Every failure.
    pub const ALL: [Self; 4] =
        [Self::CaseEmpty, Self::CaseTooLarge, Self::EvidenceMissing, Self::AuditBroken];

    /// Its name: the reason whose page says more.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CaseEmpty => rpc_error::reason::CASE_EMPTY,
            Self::CaseTooLarge => rpc_error::reason::CASE_TOO_LARGE,
            Self::EvidenceMissing => rpc_error::reason::EVIDENCE_MISSING,
            Self::AuditBroken => rpc_error::reason::AUDIT_BROKEN,
        }
    }
}
