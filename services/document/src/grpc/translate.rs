//! Between the domain's words and those of the protos.

use blobs::{SignedPut, StoredPart};
use prost_types::Timestamp;
use proto::document::v1;
use time::OffsetDateTime;

use crate::Error;
use crate::app::{Arrived, Cause, ClaimedScan};
use crate::domain::parts::{PART_SIZE, Parts};
use crate::domain::quarantine::{Decision, Outcome};
use crate::domain::{
    Act, ArchiveLimits, Document, Export, ExportState, Hold, Lifecycle, MediaType, RejectionReason, Release,
    Status, Verdict, Version,
};

/// All but the name, which is sealed: whoever shows the document opens it.
impl From<&Document> for v1::Document {
    fn from(document: &Document) -> Self {
        let declared = &document.declaration;
        let (mut detected, mut rejection, mut upload_expires_at) = (None, None, None);
        match &document.lifecycle {
            Lifecycle::PendingUpload { expires_at } => upload_expires_at = Some(*expires_at),
            Lifecycle::Uploaded | Lifecycle::Scanning | Lifecycle::Expired | Lifecycle::Erased => {}
            Lifecycle::Quarantined { detected: found } | Lifecycle::Ready { detected: found } => {
                detected = Some(found);
            }
            Lifecycle::Rejected { reason, detected: found } => {
                rejection = Some(*reason);
                detected = found.as_ref();
            }
        }
        let rejection = rejection.map_or(v1::RejectionReason::Unspecified, v1::RejectionReason::from);
        Self {
            document_id: document.id.to_string(),
            owner: document.owner.to_string(),
            purpose: declared.purpose.to_string(),
            file_name: String::new(),
            content_type: declared.media_type.to_string(),
            detected_content_type: detected.map(MediaType::to_string).unwrap_or_default(),
            size_bytes: declared.size.bytes(),
            sha256: declared.sha256.as_bytes().to_vec(),
            status: v1::DocumentStatus::from(document.lifecycle.status()).into(),
            rejection_reason: rejection.into(),
            created_at: Some(timestamp(document.created_at)),
            updated_at: Some(timestamp(document.updated_at)),
            upload_expires_at: upload_expires_at.map(timestamp),
            version: document.version.number(),
            latest_version: document.latest.number(),
            latest_ready_version: document.latest_ready.map(Version::number).unwrap_or_default(),
            retention_class: document.class.to_string(),
            retain_until: document.retain_until.map(timestamp),
            upload_parts: upload_expires_at.and(document.parts()).map(Into::into),
        }
    }
}

impl From<Status> for v1::DocumentStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::PendingUpload => Self::PendingUpload,
            Status::Uploaded => Self::Uploaded,
            Status::Scanning => Self::Scanning,
            Status::Quarantined => Self::Quarantined,
            Status::Ready => Self::Ready,
            Status::Rejected => Self::Rejected,
            Status::Expired => Self::Expired,
            Status::Erased => Self::Erased,
        }
    }
}

impl From<RejectionReason> for v1::RejectionReason {
    fn from(reason: RejectionReason) -> Self {
        match reason {
            RejectionReason::Infected => Self::Infected,
            RejectionReason::TypeMismatch => Self::TypeMismatch,
            RejectionReason::SizeMismatch => Self::SizeMismatch,
            RejectionReason::ChecksumMismatch => Self::ChecksumMismatch,
            RejectionReason::Unscannable => Self::Unscannable,
        }
    }
}

impl From<ClaimedScan> for v1::ClaimScanResponse {
    fn from(claimed: ClaimedScan) -> Self {
        let ClaimedScan { document, lease_expires_at, archives, lease, keep_unscannable } = claimed;
        Self {
            document_id: document.id.to_string(),
            intake_key: document.intake_key(),
            evidence_key: document.evidence_key(),
            content_type: document.declaration.media_type.to_string(),
            size_bytes: document.declaration.size.bytes(),
            sha256: document.declaration.sha256.as_bytes().to_vec(),
            lease_expires_at: Some(timestamp(lease_expires_at)),
            version: document.version.number(),
            lease_seconds: lease.whole_seconds(),
            keep_unscannable,
            archives: Some(archives.into()),
        }
    }
}

impl From<ArchiveLimits> for v1::ArchiveLimits {
    fn from(limits: ArchiveLimits) -> Self {
        Self {
            // Both are far below what fits.
            max_files: i32::try_from(limits.max_files).unwrap_or(i32::MAX),
            max_bytes: limits.max_bytes,
            max_ratio: i32::try_from(limits.max_ratio).unwrap_or(i32::MAX),
            max_depth: limits.max_depth.into(),
        }
    }
}

impl From<&Export> for v1::CaseExport {
    fn from(export: &Export) -> Self {
        let (state, archive, failure) = match &export.state {
            ExportState::Pending => (v1::CaseExportState::Pending, None, None),
            ExportState::Ready(archive) => (v1::CaseExportState::Ready, Some(archive), None),
            ExportState::Failed(failure) => (v1::CaseExportState::Failed, None, Some(failure)),
            ExportState::Erased => (v1::CaseExportState::Erased, None, None),
        };
        Self {
            export_id: export.id.to_string(),
            case_ref: export.case_ref.to_string(),
            state: state.into(),
            asked: Some((&export.asked).into()),
            manifest_sha256: archive
                .map(|archive| archive.manifest_sha256.as_bytes().to_vec())
                .unwrap_or_default(),
            size_bytes: archive.map(|archive| archive.size_bytes).unwrap_or_default(),
            failure: failure.map(|failure| failure.as_str().to_owned()).unwrap_or_default(),
            kept_until: Some(timestamp(export.kept_until)),
        }
    }
}

impl From<&Hold> for v1::Hold {
    fn from(hold: &Hold) -> Self {
        let (state, asked, released) = match &hold.release {
            Release::Standing => (v1::HoldState::Standing, None, None),
            Release::Asked(act) => (v1::HoldState::ReleaseAsked, Some(act), None),
            Release::Released { asked, act } => (v1::HoldState::Released, asked.as_ref(), Some(act)),
        };
        Self {
            hold_id: hold.id.to_string(),
            case_ref: hold.case_ref.to_string(),
            document_id: hold.document_id.to_string(),
            version: hold.version.map(Version::number).unwrap_or_default(),
            state: state.into(),
            placed: Some((&hold.placed).into()),
            release_asked: asked.map(Into::into),
            released: released.map(Into::into),
        }
    }
}

impl From<&Act> for v1::HoldAct {
    fn from(act: &Act) -> Self {
        let reason = act.grounds.as_ref().map(|grounds| grounds.as_str().to_owned()).unwrap_or_default();
        Self { by: act.by.to_string(), at: Some(timestamp(act.at)), reason }
    }
}

impl From<Cause> for v1::ErasureCause {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Asked => Self::Asked,
            Cause::RetentionEnded => Self::RetentionEnded,
            Cause::SubjectErased => Self::SubjectErased,
        }
    }
}

impl From<&Decision> for v1::QuarantineDecision {
    fn from(decision: &Decision) -> Self {
        let outcome = match decision.outcome {
            Outcome::Released => v1::QuarantineOutcome::Released,
            Outcome::Rejected => v1::QuarantineOutcome::Rejected,
        };
        Self {
            document_id: decision.document_id.to_string(),
            version: decision.version.number(),
            outcome: outcome.into(),
            by: decision.by.to_string(),
            at: Some(timestamp(decision.at)),
            reason: decision.grounds.as_ref().map(|grounds| grounds.as_str().to_owned()).unwrap_or_default(),
        }
    }
}

/// What a reviewer decides.
pub(super) fn outcome(request: &v1::DecideQuarantinedRequest) -> Result<Outcome, Error> {
    match v1::QuarantineOutcome::try_from(request.outcome) {
        Ok(v1::QuarantineOutcome::Released) => Ok(Outcome::Released),
        Ok(v1::QuarantineOutcome::Rejected) => Ok(Outcome::Rejected),
        Ok(v1::QuarantineOutcome::Unspecified) | Err(_) => Err(Error::UnknownOutcome),
    }
}

/// What a report says. A detected type that is none counts as not recognised; a reason of a newer worker is refused,
/// so that it comes again.
pub(super) fn verdict(request: &v1::ReportScanRequest) -> Result<Verdict, Error> {
    let detected = request.detected_content_type.parse().ok();
    let reason = v1::RejectionReason::try_from(request.rejection_reason).map_err(|_| Error::UnknownReason)?;
    let reason = match reason {
        v1::RejectionReason::Unspecified => return Ok(Verdict::Clean { detected }),
        v1::RejectionReason::Infected => RejectionReason::Infected,
        v1::RejectionReason::TypeMismatch => RejectionReason::TypeMismatch,
        v1::RejectionReason::SizeMismatch => RejectionReason::SizeMismatch,
        v1::RejectionReason::ChecksumMismatch => RejectionReason::ChecksumMismatch,
        v1::RejectionReason::Unscannable => RejectionReason::Unscannable,
    };
    Ok(Verdict::Refused { reason, detected })
}

impl From<Parts> for v1::UploadParts {
    fn from(parts: Parts) -> Self {
        Self { part_size_bytes: PART_SIZE, count: parts.count() }
    }
}

impl From<Arrived> for v1::ListPartsResponse {
    fn from(Arrived { parts, arrived, complete }: Arrived) -> Self {
        let part = |part: StoredPart| v1::ArrivedPart {
            number: i32::try_from(part.number).unwrap_or(i32::MAX),
            size_bytes: i64::try_from(part.size).unwrap_or(i64::MAX),
            sha256: part.sha256.map(Vec::from).unwrap_or_default(),
        };
        Self { parts: Some(parts.into()), arrived: arrived.into_iter().map(part).collect(), complete }
    }
}

pub(super) fn signed_upload(put: SignedPut) -> v1::SignedUpload {
    v1::SignedUpload {
        method: "PUT".to_owned(),
        url: put.url,
        headers: put.headers,
        expires_at: Some(timestamp(put.expires_at)),
    }
}

pub(crate) fn timestamp(at: OffsetDateTime) -> Timestamp {
    Timestamp { seconds: at.unix_timestamp(), nanos: i32::try_from(at.nanosecond()).unwrap_or_default() }
}
