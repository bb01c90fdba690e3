//! The preview role: claim, fetch, have a child draw, store, report.
//!
//! Files are drawn in a child process alone ([`sandbox`] starts and bounds it, [`jail`] is what it puts on
//! itself, [`child`] what it does, [`frames`] what it says). This process never looks into a file.

pub mod child;
pub mod frames;
pub mod jail;
mod pdf;
mod picture;
pub mod probe;
pub mod sandbox;

use blobs::{Blobs, Bucket};
use bytes::Bytes;
use opentelemetry::metrics::Counter;
use opentelemetry::{KeyValue, global};
use proto::document::v1::{ClaimPreviewResponse, PreviewFailure, StoredPreview};
use queue::{Failure, Received};
use service::Shutdown;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::owners::{self, Documents};
use crate::persist::{LEASE, OnStop, persist};
use child::Task;
use frames::Rendered;
use sandbox::Sandbox;

/// Files that are drawn are of this many bytes at most: what policies allow of types that have previews.
const MAX_FILE: i64 = 50 * 1024 * 1024;

/// What making previews needs.
#[derive(Clone)]
pub struct Previewer {
    documents: Documents,
    blobs: Blobs,
    sandbox: Sandbox,
    on_stop: OnStop,
    made: Counter<u64>,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Blobs(#[from] blobs::Error),
    #[error(transparent)]
    Sandbox(#[from] sandbox::Error),
    #[error("the stored object is not the declared bytes")]
    Differs,
    #[error("the job has no key for what was drawn")]
    NoKey,
}

impl Error {
    fn is_transient(&self) -> bool {
        match self {
            Self::Blobs(error) => error.is_transient(),
            Self::Sandbox(_) => true,
            Self::Differs | Self::NoKey => false,
        }
    }
}

impl Previewer {
    /// One over these. When asked to stop it hands back what it waits for.
    #[must_use]
    pub fn new(documents: Documents, blobs: Blobs, sandbox: Sandbox, shutdown: Shutdown) -> Self {
        let made = global::meter("worker")
            .u64_counter("worker.previews")
            .with_description("Previews, by what became of them")
            .build();
        Self { documents, blobs, sandbox, on_stop: OnStop::GiveBack(shutdown), made }
    }

    /// Whether a job that was received now could be done: no file is taken where a child is not locked down.
    ///
    /// # Errors
    /// What is down.
    pub async fn gate(&self) -> Result<(), String> {
        let sandbox = async { self.sandbox.check().await.map_err(|e| e.to_string()) };
        let blobs = async { self.blobs.check().await.map_err(|e| e.to_string()) };
        let documents = async { self.documents.check().await.map_err(|e| format!("document: {e}")) };
        futures::try_join!(sandbox, blobs, documents).map(drop)
    }

    /// Does one job. Doing it twice is harmless: the owner gives it to one worker at a time and takes one report, and the
    /// same file is drawn the same.
    ///
    /// # Errors
    /// What to tell the queue.
    pub async fn work(&self, received: &Received) -> Result<(), Failure> {
        let job = &received.job;
        let claim = match self.documents.claim_preview(job).await {
            Ok(claim) => claim,
            Err(error) => return owners::refused(error),
        };
        let until = Instant::now() + LEASE;
        let draw = || self.draw(&claim);
        let drawn = persist(until, &self.on_stop, Error::is_transient, draw).await.map_err(failure)?;
        let (failure, total_pages, objects) = match drawn {
            Ok(rendered) => {
                let store = || self.store(&claim, &rendered);
                let stored = persist(until, &self.on_stop, Error::is_transient, store).await;
                let total_pages = i32::try_from(rendered.total_pages).unwrap_or(i32::MAX);
                (PreviewFailure::Unspecified, total_pages, stored.map_err(self::failure)?)
            }
            Err(failure) => (failure, 0, Vec::new()),
        };
        let report = || self.documents.report_preview(job, failure, total_pages, &objects);
        let reported = persist(until, &self.on_stop, |error| error.code().is_transient(), report).await;
        reported.map_err(owners::failed)?;
        let name = failure.as_str_name();
        let outcome = name.strip_prefix("PREVIEW_FAILURE_").filter(|name| *name != "UNSPECIFIED");
        self.made.add(1, &[KeyValue::new("outcome", outcome.unwrap_or("MADE"))]);
        tracing::info!(
            document.id = claim.document_id,
            outcome = outcome.unwrap_or("MADE"),
            objects = objects.len(),
            "preview reported"
        );
        Ok(())
    }

    async fn draw(&self, claim: &ClaimPreviewResponse) -> Result<Result<Rendered, PreviewFailure>, Error> {
        if claim.size_bytes > MAX_FILE {
            return Ok(Err(PreviewFailure::FileTooLarge));
        }
        let Some(task) = Task::of(&claim.content_type) else { return Ok(Err(PreviewFailure::Malformed)) };
        let bytes = self.fetch(claim).await?;
        Ok(self.sandbox.draw(task, bytes.into()).await?)
    }

    /// The whole file, in memory: no more than was declared.
    async fn fetch(&self, claim: &ClaimPreviewResponse) -> Result<Vec<u8>, Error> {
        let mut body = self.blobs.get(Bucket::Evidence, &claim.evidence_key).await?;
        let size = usize::try_from(claim.size_bytes).map_err(|_| Error::Differs)?;
        let mut bytes = Vec::with_capacity(size);
        while let Some(chunk) = body.next().await? {
            if bytes.len() + chunk.len() > size {
                return Err(Error::Differs);
            }
            bytes.extend_from_slice(&chunk);
        }
        // Whoever may have changed it: what is shown is what was handed in.
        if bytes.len() == size && Sha256::digest(&bytes)[..] == claim.sha256 {
            Ok(bytes)
        } else {
            Err(Error::Differs)
        }
    }

    async fn store(
        &self,
        claim: &ClaimPreviewResponse,
        rendered: &Rendered,
    ) -> Result<Vec<StoredPreview>, Error> {
        let mut objects = Vec::with_capacity(rendered.pages.len() + 1);
        for (number, page) in (1..).zip(&rendered.pages) {
            let key = claim.page_keys.get(objects.len()).ok_or(Error::NoKey)?;
            let side = |side: u32| i32::try_from(side).unwrap_or_default();
            self.put(key, &page.png, "image/png").await?;
            objects.push(stored(number, &page.png, side(page.width), side(page.height)));
        }
        if !rendered.text.is_empty() {
            let text = rendered.text.as_bytes();
            self.put(&claim.text_key, text, "text/plain; charset=utf-8").await?;
            objects.push(stored(0, text, 0, 0));
        }
        Ok(objects)
    }

    async fn put(&self, key: &str, bytes: &[u8], content_type: &str) -> Result<(), Error> {
        let sha256 = Sha256::digest(bytes).into();
        let bytes = Bytes::copy_from_slice(bytes);
        Ok(self.blobs.put(Bucket::Evidence, key, bytes, content_type, sha256).await?)
    }
}

fn stored(number: i32, bytes: &[u8], width: i32, height: i32) -> StoredPreview {
    StoredPreview {
        number,
        size_bytes: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
        sha256: Sha256::digest(bytes).to_vec(),
        width,
        height,
    }
}

fn failure(error: Error) -> Failure {
    match error {
        // The integrity sweep finds it, and may mend it before the job comes again.
        Error::Differs => Failure::poison("OBJECT_DIFFERS", error),
        Error::Blobs(blobs::Error::Missing(_)) => Failure::poison("OBJECT_MISSING", error),
        Error::NoKey => Failure::poison("NO_KEY", error),
        error => Failure::retry(error),
    }
}
