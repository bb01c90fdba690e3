//! The integrity role: claim, read, compare, copy back what is not good, report.

use std::time::Duration;

use blobs::{Blobs, Bucket};
use opentelemetry::metrics::Counter;
use opentelemetry::{KeyValue, global};
use proto::document::v1::{ClaimIntegrityResponse, IntegrityFinding, IntegrityRepair};
use queue::{Failure, Received};
use service::Shutdown;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use crate::owners::{self, Documents};
use crate::persist::{OnStop, persist};

/// How long after its claim a job is worked on; its lease is an hour.
pub const LEASE: Duration = Duration::from_secs(55 * 60);

/// What the sweep needs.
#[derive(Clone)]
pub struct Auditor {
    documents: Documents,
    blobs: Blobs,
    pace: Pace,
    on_stop: OnStop,
    read: Counter<u64>,
}

impl Auditor {
    /// One over these, which reads at most `bytes_per_second`, whatever it does at a time. When asked to stop it hands back
    /// what it waits for.
    #[must_use]
    pub fn new(documents: Documents, blobs: Blobs, bytes_per_second: u64, shutdown: Shutdown) -> Self {
        let read = global::meter("worker")
            .u64_counter("worker.integrity.read")
            .with_unit("By")
            .with_description("Bytes that the integrity sweep has read, by bucket")
            .build();
        let on_stop = OnStop::GiveBack(shutdown);
        Self { documents, blobs, pace: Pace::new(bytes_per_second), on_stop, read }
    }

    /// Whether a job that was received now could be done.
    ///
    /// # Errors
    /// What is down.
    pub async fn gate(&self) -> Result<(), String> {
        let blobs = async { check(&self.blobs).await.map_err(|e| e.to_string()) };
        let documents = async { self.documents.check().await.map_err(|e| format!("document: {e}")) };
        futures::try_join!(blobs, documents).map(drop)
    }

    /// Does one job. Doing it twice is harmless: what is good again is found good.
    ///
    /// # Errors
    /// What to tell the queue.
    pub async fn work(&self, received: &Received) -> Result<(), Failure> {
        let job = &received.job;
        let claim = match self.documents.claim_integrity(job).await {
            Ok(claim) => claim,
            Err(error) => return owners::refused(error),
        };
        let until = Instant::now() + LEASE;
        let look = || self.look(&claim);
        let looked = persist(until, &self.on_stop, blobs::Error::is_transient, look).await;
        let (finding, repair) = looked.map_err(Failure::retry)?;
        let report = || self.documents.report_integrity(job, finding, repair);
        let reported = persist(until, &self.on_stop, |error| error.code().is_transient(), report).await;
        reported.map_err(owners::failed)?;
        tracing::info!(
            document.id = claim.document_id,
            finding = finding.as_str_name(),
            repair = repair.as_str_name(),
            "integrity reported"
        );
        Ok(())
    }

    async fn look(
        &self,
        claim: &ClaimIntegrityResponse,
    ) -> Result<(IntegrityFinding, IntegrityRepair), blobs::Error> {
        let finding = self.compare(Bucket::Evidence, claim).await?;
        if finding == IntegrityFinding::Good {
            self.replicate(claim).await?;
            return Ok((finding, IntegrityRepair::Unspecified));
        }
        let repair =
            if self.restore(claim).await? { IntegrityRepair::Restored } else { IntegrityRepair::Lost };
        Ok((finding, repair))
    }

    /// Reads an object and compares it with its digest.
    async fn compare(
        &self,
        bucket: Bucket,
        claim: &ClaimIntegrityResponse,
    ) -> Result<IntegrityFinding, blobs::Error> {
        let mut body = match self.blobs.get(bucket, &claim.evidence_key).await {
            Ok(body) => body,
            Err(blobs::Error::Missing(_)) => return Ok(IntegrityFinding::Missing),
            Err(error) => return Err(error),
        };
        let (mut hash, mut size) = (Sha256::new(), 0);
        let name = KeyValue::new("bucket", if bucket == Bucket::Evidence { "evidence" } else { "replica" });
        while let Some(bytes) = body.next().await? {
            let length = bytes.len() as u64;
            self.pace.pass(length).await;
            self.read.add(length, std::slice::from_ref(&name));
            hash.update(&bytes);
            size += length;
        }
        let good = u64::try_from(claim.size_bytes) == Ok(size) && hash.finalize()[..] == claim.sha256;
        Ok(if good { IntegrityFinding::Good } else { IntegrityFinding::Different })
    }

    /// Copies a good object to the replica where the store has not done so: at its first check, as a rule.
    async fn replicate(&self, claim: &ClaimIntegrityResponse) -> Result<(), blobs::Error> {
        if !self.blobs.has_replica() {
            return Ok(());
        }
        let replica = self.blobs.head(Bucket::Replica, &claim.evidence_key).await?;
        if replica.is_some_and(|head| head.sha256.is_some_and(|sha256| sha256[..] == claim.sha256)) {
            return Ok(());
        }
        self.copy(Bucket::Evidence, Bucket::Replica, claim).await
    }

    /// Copies the right bytes back, where the replica has them. Whatever was there stays as an earlier version.
    async fn restore(&self, claim: &ClaimIntegrityResponse) -> Result<bool, blobs::Error> {
        if !self.blobs.has_replica() || self.compare(Bucket::Replica, claim).await? != IntegrityFinding::Good
        {
            return Ok(false);
        }
        match self.copy(Bucket::Replica, Bucket::Evidence, claim).await {
            Ok(()) => Ok(self.compare(Bucket::Evidence, claim).await? == IntegrityFinding::Good),
            Err(blobs::Error::Missing(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn copy(
        &self,
        from: Bucket,
        to: Bucket,
        claim: &ClaimIntegrityResponse,
    ) -> Result<(), blobs::Error> {
        let (key, size) = (&claim.evidence_key, claim.size_bytes.unsigned_abs());
        self.blobs.copy((from, key), (to, key), size).await.map(drop)
    }
}

/// Whether the store answers and has its buckets, the replica's too where there is one.
///
/// # Errors
/// The store's.
pub async fn check(blobs: &Blobs) -> Result<(), blobs::Error> {
    blobs.check().await?;
    if blobs.has_replica() { blobs.check_bucket(Bucket::Replica).await } else { Ok(()) }
}

/// How fast bytes may pass, all streams together.
#[derive(Clone, Debug)]
struct Pace {
    bytes_per_second: u64,
    /// When everything that was let pass is through.
    through: Arc<Mutex<Instant>>,
}

impl Pace {
    fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second: bytes_per_second.max(1), through: Arc::new(Mutex::new(Instant::now())) }
    }

    /// Waits until these bytes are through.
    async fn pass(&self, bytes: u64) {
        let takes = Duration::from_micros(bytes.saturating_mul(1_000_000) / self.bytes_per_second);
        let until = {
            let mut through = self.through.lock().await;
            // What was not used before is not saved up.
            *through = (*through).max(Instant::now()) + takes;
            *through
        };
        sleep_until(until).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn all_streams_together_keep_the_pace_and_save_nothing_up() {
        let pace = Pace::new(1_000);
        let started = Instant::now();
        let streams = (0..4).map(|_| async {
            for _ in 0..5 {
                pace.pass(500).await;
            }
        });
        futures::future::join_all(streams).await;
        assert_eq!(started.elapsed(), Duration::from_secs(10));
        tokio::time::sleep(Duration::from_secs(60)).await;
        let again = Instant::now();
        pace.pass(3_000).await;
        assert_eq!(again.elapsed(), Duration::from_secs(3));
    }
}
