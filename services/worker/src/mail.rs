//! The mail role: claim, send, report.

use clock::Clock;
use queue::{Failure, Received};
use tokio::time::Instant;
use tracing::Instrument;

use crate::owners::{self, Deliveries};
use crate::persist::{LEASE, OnStop, persist};
use crate::smtp::Mailer;

/// What sending mail needs.
#[derive(Clone)]
pub struct Postman {
    deliveries: Deliveries,
    mailer: Mailer,
    clock: Clock,
}

impl Postman {
    /// A postman over these.
    #[must_use]
    pub fn new(deliveries: Deliveries, mailer: Mailer, clock: Clock) -> Self {
        Self { deliveries, mailer, clock }
    }

    /// Whether a job that was received now could be done.
    ///
    /// # Errors
    /// What is down.
    pub async fn gate(&self) -> Result<(), String> {
        let deliveries = async { self.deliveries.check().await.map_err(|e| format!("notification: {e}")) };
        futures::try_join!(self.mailer.check(), deliveries).map(drop)
    }

    /// Does one job. SMTP knows no keys: a process that dies between the server's `250` and the report leaves a delivery
    /// that is sent again once its lease has ended, under the same `Message-ID`.
    ///
    /// # Errors
    /// What to tell the queue.
    pub async fn work(&self, received: &Received) -> Result<(), Failure> {
        let job = &received.job;
        let delivery = match self.deliveries.claim(job).await {
            Ok(delivery) => delivery,
            Err(error) => return owners::refused(error),
        };
        failpoint::pass("mail::claimed");
        let until = Instant::now() + LEASE;
        let span = tracing::info_span!(
            "smtp",
            otel.name = "smtp.send",
            otel.kind = "client",
            delivery.id = delivery.delivery_id,
            smtp.code = tracing::field::Empty,
        );
        let sent = async {
            let sent = self.mailer.send(&delivery, self.clock.now()).await;
            tracing::Span::current().record("smtp.code", &sent.code);
            sent
        }
        .instrument(span)
        .await;
        failpoint::pass("mail::sent");
        // Whatever comes: it was sent, and is not to be sent again.
        let report = || self.deliveries.report(job.job_id, &job.tenant, sent.outcome, &sent.code);
        let reported = persist(until, &OnStop::GoOn, |error| error.code().is_transient(), report).await;
        reported.map_err(owners::failed)?;
        failpoint::pass("mail::reported");
        tracing::info!(
            delivery.id = delivery.delivery_id,
            outcome = sent.outcome.as_str_name(),
            smtp.code = sent.code,
            "delivery reported"
        );
        if sent.is_outage() {
            // The owner plans another attempt as another job; this one is finished when it comes again. Until then the
            // gate is asked.
            return Err(Failure::retry(format!("mail server: {}", sent.code)));
        }
        Ok(())
    }
}
