//! The scan role: claim, look, copy what is clean, report.

use std::sync::atomic::{AtomicU32, Ordering};

use aws_lc_rs::digest::{Context as Hash, SHA256};
use blobs::{Blobs, Bucket};
use proto::document::v1::{ClaimScanResponse, RejectionReason};
use queue::{Failure, Received};
use service::context::{self, Context};
use service::{RequestId, Shutdown};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use crate::archive::{self, Fault, Limits};
use crate::clamd::{self, Clamd, Verdict};
use crate::owners::{self, Documents};
use crate::pdf::{self, Encryption};
use crate::persist::{OnStop, persist, within};
use crate::sniff::{self, Sniffer};

/// An object at which clamd breaks off this often under one lease, though it answers others, brings it down: it is not
/// shown to it again.
const BREAKS: u32 = 4;

/// What is looked at for encryption.
const PDF: &str = "application/pdf";

/// What a scan needs.
#[derive(Clone)]
pub struct Scanner {
    documents: Documents,
    blobs: Blobs,
    clamd: Clamd,
    on_stop: OnStop,
}

/// What the bytes turned out to be.
#[derive(Debug)]
struct Seen {
    verdict: Verdict,
    /// Why not all of it could be looked into, whatever clamd says.
    fault: Option<Fault>,
    detected: String,
    size: u64,
    sha256: [u8; 32],
}

/// What is learnt of the bytes while they pass.
struct Reading {
    sniffer: Sniffer,
    hash: Hash,
    size: u64,
}

/// How far the scanner has come.
enum Shown {
    /// It wants more.
    Goes(clamd::Scan),
    /// It has said what it thinks.
    Said(Verdict),
}

impl Reading {
    fn new() -> Self {
        Self { sniffer: Sniffer::default(), hash: Hash::new(&SHA256), size: 0 }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.sniffer.push(bytes);
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
    }

    fn seen(self, verdict: Verdict) -> Seen {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(self.hash.finish().as_ref());
        let detected = self.sniffer.media_type();
        Seen { verdict, fault: None, detected, size: self.size, sha256 }
    }
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Clamd(#[from] clamd::Error),
    #[error(transparent)]
    Blobs(#[from] blobs::Error),
    #[error("the scan took longer than its job's lease allows")]
    Late,
}

impl Scanner {
    /// A scanner over these. When asked to stop it hands back what it waits for.
    #[must_use]
    pub fn new(documents: Documents, blobs: Blobs, clamd: Clamd, shutdown: Shutdown) -> Self {
        Self { documents, blobs, clamd, on_stop: OnStop::GiveBack(shutdown) }
    }

    /// Whether a job that was received now could be done.
    ///
    /// # Errors
    /// What is down.
    pub async fn gate(&self) -> Result<(), String> {
        let clamd = async { self.clamd.ping().await.map_err(|e| e.to_string()) };
        let blobs = async { self.blobs.check().await.map_err(|e| e.to_string()) };
        let documents = async { self.documents.check().await.map_err(|e| format!("document: {e}")) };
        futures::try_join!(clamd, blobs, documents).map(drop)
    }

    /// Does one job. Doing it twice is harmless: the owner gives it to one worker at a time and takes one report.
    ///
    /// # Errors
    /// What to tell the queue.
    pub async fn work(&self, received: &Received) -> Result<(), Failure> {
        let job = &received.job;
        failpoint::pass("scan::claiming");
        let claim = match self.documents.claim(job).await {
            Ok(claim) => claim,
            Err(error) => return owners::refused(error),
        };
        failpoint::pass("scan::claimed");
        let until = Instant::now() + within(claim.lease_seconds);
        let request_id = context::current().map_or_else(RequestId::new, |context| context.request_id);
        // What is large has more time than the job had before it was claimed.
        context::scope(Context { request_id, deadline: until }, self.scan(received, &claim, until)).await
    }

    /// Looks, copies what is to be kept, and reports.
    async fn scan(
        &self,
        received: &Received,
        claim: &ClaimScanResponse,
        until: Instant,
    ) -> Result<(), Failure> {
        let job = &received.job;
        let (detected, reason) = self.inspect(claim, until).await?;
        failpoint::pass("scan::looked");
        let reviewed = reason == RejectionReason::Unscannable && claim.keep_unscannable;
        if reason == RejectionReason::Unspecified || reviewed {
            let copied = persist(until, &self.on_stop, blobs::Error::is_transient, || self.copy(claim)).await;
            copied.map_err(|error| failure(error.into()))?;
            failpoint::pass("scan::copied");
        }
        let report = || self.documents.report(job, &detected, reason);
        let reported = persist(until, &self.on_stop, |error| error.code().is_transient(), report).await;
        reported.map_err(owners::failed)?;
        failpoint::pass("scan::reported");
        tracing::info!(
            document.id = claim.document_id,
            reason = reason.as_str_name(),
            detected,
            "scan reported"
        );
        Ok(())
    }

    /// Copies what is clean, unless a scanner that died before its report has.
    async fn copy(&self, claim: &ClaimScanResponse) -> Result<(), blobs::Error> {
        let size = claim.size_bytes.unsigned_abs();
        if let Some(head) = self.blobs.head(Bucket::Evidence, &claim.evidence_key).await?
            && head.size == size
            && head.sha256.is_some_and(|sha256| sha256[..] == claim.sha256)
        {
            return Ok(());
        }
        failpoint::pass("scan::copying");
        self.blobs.copy_to_evidence(&claim.intake_key, &claim.evidence_key, size).await.map(drop)
    }

    /// The type that was detected, and why the object is refused.
    async fn inspect(
        &self,
        claim: &ClaimScanResponse,
        until: Instant,
    ) -> Result<(String, RejectionReason), Failure> {
        let breaks = AtomicU32::new(0);
        let transient = |error: &Error| match error {
            Error::Clamd(clamd::Error::Broken(_)) => breaks.fetch_add(1, Ordering::Relaxed) + 1 < BREAKS,
            Error::Clamd(clamd::Error::Connect { .. } | clamd::Error::Answer(_)) => true,
            Error::Clamd(clamd::Error::Slow(_)) | Error::Late => false,
            Error::Blobs(error) => error.is_transient(),
        };
        let look = || async { timeout_at(until, self.look(claim)).await.unwrap_or(Err(Error::Late)) };
        match persist(until, &self.on_stop, transient, look).await {
            Ok(seen) => {
                let reason = judge(claim, &seen);
                if let Some(fault) = seen.fault {
                    tracing::info!(document.id = claim.document_id, fault = %fault, "cannot be looked into");
                }
                Ok((seen.detected, reason))
            }
            // An outage is never the object's fault; this is none, since clamd answers.
            Err(_) if breaks.load(Ordering::Relaxed) >= BREAKS && self.clamd.ping().await.is_ok() => {
                let look =
                    || async { timeout_at(until, self.look_alone(claim)).await.unwrap_or(Err(Error::Late)) };
                let transient = |error: &Error| matches!(error, Error::Blobs(error) if error.is_transient());
                let seen = persist(until, &self.on_stop, transient, look).await.map_err(failure)?;
                let reason = judge(claim, &seen);
                Ok((seen.detected, reason))
            }
            Err(error) => Err(failure(error)),
        }
    }

    /// Reads the object once, for the digest and the type, and shows it to no scanner.
    async fn look_alone(&self, claim: &ClaimScanResponse) -> Result<Seen, Error> {
        let mut body = self.blobs.get(Bucket::Intake, &claim.intake_key).await?;
        let mut reading = Reading::new();
        while let Some(bytes) = body.next().await? {
            reading.push(&bytes);
        }
        Ok(reading.seen(Verdict::Unscannable { because: "clamd breaks off".to_owned() }))
    }

    /// Reads the object once and to its end, for the scanner, the digest and the type. The scanner may have seen enough
    /// before: it stops reading at its limits, and where it finds something.
    async fn look(&self, claim: &ClaimScanResponse) -> Result<Seen, Error> {
        let mut body = self.blobs.get(Bucket::Intake, &claim.intake_key).await?;
        let span = tracing::info_span!(
            "clamd",
            otel.name = "clamd.instream",
            otel.kind = "client",
            size_bytes = body.size(),
            verdict = tracing::field::Empty
        );
        async {
            let mut reading = Reading::new();
            let (archive, mut pdf) = (archive::Watch::start(limits(claim)), pdf::Watch::default());
            let mut shown = Shown::Goes(self.clamd.begin().await?);
            while let Some(bytes) = body.next().await? {
                reading.push(&bytes);
                pdf.push(&bytes);
                archive.push(bytes.clone()).await;
                if let Shown::Goes(mut scan) = shown {
                    let more = scan.send(&bytes).await?;
                    shown = if more { Shown::Goes(scan) } else { Shown::Said(scan.verdict().await?) };
                }
            }
            let verdict = match shown {
                Shown::Goes(scan) => scan.verdict().await?,
                Shown::Said(verdict) => verdict,
            };
            tracing::Span::current().record("verdict", tracing::field::debug(&verdict));
            let mut seen = reading.seen(verdict);
            seen.fault = archive.finish().await.err();
            if seen.fault.is_none() && seen.verdict == Verdict::Clean && seen.detected == PDF {
                seen.fault = self.locked(pdf.finish()).await?;
            }
            Ok(seen)
        }
        .instrument(span)
        .await
    }

    /// Whether a PDF that clamd calls clean may still need a password: clamd may be set not to tell.
    async fn locked(&self, encryption: Encryption) -> Result<Option<Fault>, Error> {
        let locked = match encryption {
            Encryption::None => false,
            Encryption::Told => self.clamd.scan(pdf::LOCKED).await? == Verdict::Clean,
            Encryption::Disguised => true,
        };
        Ok(locked.then_some(Fault::Encrypted))
    }
}

/// How much of an archive is unpacked for this job.
fn limits(claim: &ClaimScanResponse) -> Limits {
    claim.archives.map_or(Limits::DEFAULT, |limits| Limits {
        max_files: limits.max_files.unsigned_abs(),
        max_bytes: limits.max_bytes.unsigned_abs(),
        max_ratio: limits.max_ratio.unsigned_abs(),
        max_depth: u8::try_from(limits.max_depth).unwrap_or(u8::MAX),
    })
}

fn failure(error: Error) -> Failure {
    match error {
        // Nobody else deletes it before the report.
        Error::Blobs(blobs::Error::Missing(_)) => Failure::poison("OBJECT_MISSING", error),
        error => Failure::retry(error),
    }
}

/// Why the object is refused; unspecified when it is clean and what it claims to be. Other bytes than declared are refused as
/// that, whether they could be scanned or not.
fn judge(claim: &ClaimScanResponse, seen: &Seen) -> RejectionReason {
    match seen.verdict {
        Verdict::Infected { .. } => RejectionReason::Infected,
        _ if u64::try_from(claim.size_bytes) != Ok(seen.size) => RejectionReason::SizeMismatch,
        _ if claim.sha256 != seen.sha256 => RejectionReason::ChecksumMismatch,
        Verdict::Unscannable { .. } => RejectionReason::Unscannable,
        Verdict::Clean if seen.fault.is_some() => RejectionReason::Unscannable,
        Verdict::Clean if !sniff::satisfies(&claim.content_type, &seen.detected) => {
            RejectionReason::TypeMismatch
        }
        Verdict::Clean => RejectionReason::Unspecified,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim() -> ClaimScanResponse {
        ClaimScanResponse {
            content_type: "application/pdf".to_owned(),
            size_bytes: 7,
            sha256: vec![1; 32],
            ..ClaimScanResponse::default()
        }
    }

    fn seen() -> Seen {
        Seen {
            verdict: Verdict::Clean,
            fault: None,
            detected: "application/pdf".to_owned(),
            size: 7,
            sha256: [1; 32],
        }
    }

    #[test]
    fn only_a_clean_object_that_is_what_it_claims_passes() {
        let infected = Verdict::Infected { signature: "Eicar".to_owned() };
        let unscannable = Verdict::Unscannable { because: "too large".to_owned() };
        let table = [
            (seen(), RejectionReason::Unspecified),
            (Seen { size: 8, ..seen() }, RejectionReason::SizeMismatch),
            (Seen { sha256: [2; 32], ..seen() }, RejectionReason::ChecksumMismatch),
            (Seen { detected: "text/plain".to_owned(), ..seen() }, RejectionReason::TypeMismatch),
            (Seen { verdict: unscannable.clone(), ..seen() }, RejectionReason::Unscannable),
            // Nobody reviews other bytes than declared.
            (Seen { verdict: unscannable.clone(), size: 3, ..seen() }, RejectionReason::SizeMismatch),
            (
                Seen { verdict: unscannable.clone(), sha256: [2; 32], ..seen() },
                RejectionReason::ChecksumMismatch,
            ),
            (Seen { fault: Some(Fault::Ratio), ..seen() }, RejectionReason::Unscannable),
            (Seen { fault: Some(Fault::Ratio), size: 3, ..seen() }, RejectionReason::SizeMismatch),
            (
                Seen { verdict: unscannable, detected: "text/plain".to_owned(), ..seen() },
                RejectionReason::Unscannable,
            ),
            // The worst is told first.
            (
                Seen {
                    verdict: infected,
                    fault: Some(Fault::Depth),
                    size: 8,
                    detected: "text/plain".to_owned(),
                    ..seen()
                },
                RejectionReason::Infected,
            ),
        ];
        for (seen, reason) in table {
            assert_eq!(judge(&claim(), &seen), reason, "{seen:?}");
        }
    }
}
