//! The scan role: claim, look, copy what is clean, report.

use std::sync::atomic::{AtomicU32, Ordering};

use blobs::{Blobs, Bucket};
use proto::document::v1::{ClaimScanResponse, RejectionReason};
use queue::{Failure, Received};
use service::Shutdown;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use crate::clamd::{self, Clamd, Verdict};
use crate::owners::{self, Documents};
use crate::persist::{LEASE, OnStop, persist};
use crate::sniff::{self, Sniffer};

/// An object at which clamd breaks off this often under one lease, though it answers others, brings it down: it is not
/// shown to it again.
const BREAKS: u32 = 4;

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
    detected: String,
    size: u64,
    sha256: [u8; 32],
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
        let claim = match self.documents.claim(job).await {
            Ok(claim) => claim,
            Err(error) => return owners::refused(error),
        };
        let until = Instant::now() + LEASE;
        let (detected, reason) = self.inspect(&claim, until).await?;
        if reason == RejectionReason::Unspecified {
            let size = claim.size_bytes.unsigned_abs();
            let copy = || self.blobs.copy_to_evidence(&claim.intake_key, &claim.evidence_key, size);
            let copied = persist(until, &self.on_stop, blobs::Error::is_transient, copy).await;
            copied.map_err(|error| failure(error.into()))?;
        }
        let report = || self.documents.report(job, &detected, reason);
        let reported = persist(until, &self.on_stop, |error| error.code().is_transient(), report).await;
        reported.map_err(owners::failed)?;
        tracing::info!(
            document.id = claim.document_id,
            reason = reason.as_str_name(),
            detected,
            "scan reported"
        );
        Ok(())
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
                Ok((seen.detected, reason))
            }
            // An outage is never the object's fault; this is none, since clamd answers.
            Err(_) if breaks.load(Ordering::Relaxed) >= BREAKS && self.clamd.ping().await.is_ok() => {
                Ok((String::new(), RejectionReason::Unscannable))
            }
            Err(error) => Err(failure(error)),
        }
    }

    /// Reads the object once, for the scanner, the digest and the type.
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
            let mut scan = self.clamd.begin().await?;
            let (mut sniffer, mut hash, mut size) = (Sniffer::default(), Sha256::new(), 0);
            while let Some(bytes) = body.next().await? {
                sniffer.push(&bytes);
                hash.update(&bytes);
                size += bytes.len() as u64;
                if !scan.send(&bytes).await? {
                    break;
                }
            }
            let verdict = scan.verdict().await?;
            tracing::Span::current().record("verdict", tracing::field::debug(&verdict));
            Ok(Seen { verdict, detected: sniffer.media_type(), size, sha256: hash.finalize().into() })
        }
        .instrument(span)
        .await
    }
}

fn failure(error: Error) -> Failure {
    match error {
        // Nobody else deletes it before the report.
        Error::Blobs(blobs::Error::Missing(_)) => Failure::poison("OBJECT_MISSING", error),
        error => Failure::retry(error),
    }
}

/// Why the object is refused; unspecified when it is clean and what it claims to be.
fn judge(claim: &ClaimScanResponse, seen: &Seen) -> RejectionReason {
    match seen.verdict {
        Verdict::Infected { .. } => RejectionReason::Infected,
        Verdict::Unscannable { .. } => RejectionReason::Unscannable,
        Verdict::Clean if u64::try_from(claim.size_bytes) != Ok(seen.size) => RejectionReason::SizeMismatch,
        Verdict::Clean if claim.sha256 != seen.sha256 => RejectionReason::ChecksumMismatch,
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
        Seen { verdict: Verdict::Clean, detected: "application/pdf".to_owned(), size: 7, sha256: [1; 32] }
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
            (Seen { verdict: unscannable, size: 3, ..seen() }, RejectionReason::Unscannable),
            // The worst is told first.
            (
                Seen { verdict: infected, size: 8, detected: "text/plain".to_owned(), ..seen() },
                RejectionReason::Infected,
            ),
        ];
        for (seen, reason) in table {
            assert_eq!(judge(&claim(), &seen), reason, "{seen:?}");
        }
    }
}
