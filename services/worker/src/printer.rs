//! The pdf role: claim, render, store, report. What is rendered is a bill as it was issued, or a receipt, by `libs/pdf`.
//!
//! The document service keeps it under the job's id: whoever does a job again stores nothing twice.

pub mod issuers;
mod paper;

use ::pdf::Renderer;
use opentelemetry::metrics::Counter;
use opentelemetry::{KeyValue, global};
use proto::document::v1::StoreDocumentRequest;
use queue::{Failure, Received};
use rpc_error::reason;
use service::Shutdown;
use tokio::time::Instant;

use crate::owners::{self, Documents, Payments};
use crate::persist::{LEASE, OnStop, persist};
use issuers::Issuers;
use paper::Paper;

/// What making PDFs needs.
#[derive(Clone)]
pub struct Printer {
    payments: Payments,
    documents: Documents,
    renderer: Renderer,
    issuers: Issuers,
    on_stop: OnStop,
    made: Counter<u64>,
}

impl Printer {
    /// One over these. When asked to stop it hands back what it waits for.
    #[must_use]
    pub fn new(
        payments: Payments,
        documents: Documents,
        renderer: Renderer,
        issuers: Issuers,
        shutdown: Shutdown,
    ) -> Self {
        let made = global::meter("worker")
            .u64_counter("worker.pdfs")
            .with_description("PDFs that were made and kept, by what they are")
            .build();
        Self { payments, documents, renderer, issuers, on_stop: OnStop::GiveBack(shutdown), made }
    }

    /// Whether a job that was received now could be done.
    ///
    /// # Errors
    /// What is down.
    pub async fn gate(&self) -> Result<(), String> {
        let payments = async { self.payments.check().await.map_err(|e| format!("payment: {e}")) };
        let documents = async { self.documents.check().await.map_err(|e| format!("document: {e}")) };
        futures::try_join!(payments, documents).map(drop)
    }

    /// Does one job. Doing it twice is harmless: the owner gives it to one worker at a time, and what is stored first is kept.
    ///
    /// # Errors
    /// What to tell the queue.
    pub async fn work(&self, received: &Received) -> Result<(), Failure> {
        let job = &received.job;
        let claim = match self.payments.claim_pdf(job).await {
            Ok(claim) => claim,
            Err(error) => return owners::refused(error),
        };
        let until = Instant::now() + LEASE;
        let issuer = self.issuers.of(&job.tenant);
        let paper = Paper::of(claim, issuer.name_and_address());
        let paper = paper.map_err(|error| Failure::poison("CLAIM_UNREADABLE", error))?;
        let (kind, purpose) = (paper.purpose, paper.purpose.to_owned());
        let (renderer, tenant, locale, document) =
            (self.renderer.clone(), job.tenant.clone(), issuer.locale, paper.document);
        let rendered = tokio::task::spawn_blocking(move || renderer.render(&tenant, locale, &document));
        let content = rendered.await.map_err(Failure::retry)?;
        let content = content.map_err(|error| Failure::poison("NOT_RENDERED", error))?;
        let size = content.len();
        let stored = StoreDocumentRequest {
            job_id: job.job_id.to_string(),
            owner: paper.owner,
            purpose,
            file_name: paper.file_name,
            content_type: "application/pdf".to_owned(),
            content,
        };
        let store = || self.documents.store(&job.tenant, &stored);
        let kept = persist(until, &self.on_stop, |error| error.code().is_transient(), store).await;
        match kept {
            // The owner hears of the erasure too, and asks no longer then.
            Err(error) if error.reason() == reason::SUBJECT_ERASED => {
                tracing::info!(job.id = %job.job_id, "pdf is of somebody who is erased");
                return Ok(());
            }
            kept => kept.map_err(owners::failed)?,
        }
        failpoint::pass("pdf::stored");
        let report = || self.payments.report_pdf(job);
        let reported = persist(until, &self.on_stop, |error| error.code().is_transient(), report).await;
        reported.map_err(owners::failed)?;
        self.made.add(1, &[KeyValue::new("kind", kind)]);
        tracing::info!(job.id = %job.job_id, pdf.kind = kind, pdf.size_bytes = size, "pdf reported");
        Ok(())
    }
}
