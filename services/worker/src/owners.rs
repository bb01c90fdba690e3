//! The services that own the jobs: claiming, reporting, and whether they can be asked now.

use std::time::Duration;

use auth::TokenSource;
use ids::{JobId, Tenant};
use proto::document::v1::document_service_client::DocumentServiceClient;
use proto::document::v1::integrity_service_client::IntegrityServiceClient;
use proto::document::v1::preview_service_client::PreviewServiceClient;
use proto::document::v1::{
    ClaimIntegrityRequest, ClaimIntegrityResponse, ClaimPreviewRequest, ClaimPreviewResponse,
    ClaimScanRequest, ClaimScanResponse, IntegrityFinding, IntegrityRepair, OpenDocumentRequest,
    OpenDocumentResponse, PreviewFailure, RejectionReason, ReportIntegrityRequest, ReportPreviewRequest,
    ReportScanRequest, StoreDocumentRequest, StoredPreview,
};
use proto::notification::v1::notification_service_client::NotificationServiceClient;
use proto::notification::v1::{
    ClaimDeliveryRequest, ClaimDeliveryResponse, DeliveryOutcome, ReportDeliveryRequest,
};
use proto::payment::v1::billing_service_client::BillingServiceClient;
use proto::payment::v1::payment_service_client::PaymentServiceClient;
use proto::payment::v1::{
    AdvancePaymentRequest, AdvancePaymentResponse, BillRun, ClaimPdfRequest, ClaimPdfResponse, GetRunRequest,
    IssueRunLinesRequest, IssueRunLinesResponse, ReportPdfRequest, StageRunLinesRequest,
    StageRunLinesResponse,
};
use queue::{Failure, Job};
use rpc_error::{Code, Error, reason};
use service::channel::Channel;
use tonic::Request;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

/// How long a call may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long a call may take for which the owner asks somebody else, or does much.
const PROVIDER_DEADLINE: Duration = Duration::from_secs(50);
/// How long a health check may take.
const HEALTH_DEADLINE: Duration = Duration::from_millis(1_500);
/// When to try again a job that somebody else holds and nobody says for how long.
const LEASED: Duration = Duration::from_secs(60);

/// The document service.
#[derive(Clone)]
pub struct Documents {
    client: DocumentServiceClient<Channel>,
    previews: PreviewServiceClient<Channel>,
    integrity: IntegrityServiceClient<Channel>,
    health: HealthClient<Channel>,
    tokens: TokenSource,
}

impl Documents {
    /// Calls it through `channel` as this service.
    #[must_use]
    pub fn new(channel: Channel, tokens: TokenSource) -> Self {
        Self {
            client: DocumentServiceClient::new(channel.clone()),
            previews: PreviewServiceClient::new(channel.clone()),
            integrity: IntegrityServiceClient::new(channel.clone()),
            health: HealthClient::new(channel),
            tokens,
        }
    }

    /// Takes a scan job.
    ///
    /// # Errors
    /// The call's.
    pub async fn claim(&self, job: &Job) -> Result<ClaimScanResponse, Error> {
        let message = ClaimScanRequest { job_id: job.job_id.to_string() };
        let request = request(&self.tokens, &job.tenant, message).await?;
        let answer = self.client.clone().claim_scan(request).await;
        Ok(answer.map_err(Error::from_status)?.into_inner())
    }

    /// Reports what a scan found.
    ///
    /// # Errors
    /// The call's.
    pub async fn report(&self, job: &Job, detected: &str, reason: RejectionReason) -> Result<(), Error> {
        let message = ReportScanRequest {
            job_id: job.job_id.to_string(),
            detected_content_type: detected.to_owned(),
            rejection_reason: reason.into(),
        };
        let request = request(&self.tokens, &job.tenant, message).await?;
        self.client.clone().report_scan(request).await.map_err(Error::from_status)?;
        Ok(())
    }

    /// Where the document is that staff have handed in.
    ///
    /// # Errors
    /// The call's.
    pub async fn open(&self, tenant: &Tenant, document_id: &str) -> Result<OpenDocumentResponse, Error> {
        let message = OpenDocumentRequest { document_id: document_id.to_owned() };
        let request = request(&self.tokens, tenant, message).await?;
        let answer = self.client.clone().open_document(request).await;
        Ok(answer.map_err(Error::from_status)?.into_inner())
    }

    /// Keeps what was made for a job.
    ///
    /// # Errors
    /// The call's.
    pub async fn store(&self, tenant: &Tenant, made: &StoreDocumentRequest) -> Result<(), Error> {
        let request = request(&self.tokens, tenant, made.clone()).await?;
        self.client.clone().store_document(request).await.map_err(Error::from_status)?;
        Ok(())
    }

    /// Takes a preview job.
    ///
    /// # Errors
    /// The call's.
    pub async fn claim_preview(&self, job: &Job) -> Result<ClaimPreviewResponse, Error> {
        let message = ClaimPreviewRequest { job_id: job.job_id.to_string() };
        let request = request(&self.tokens, &job.tenant, message).await?;
        let answer = self.previews.clone().claim_preview(request).await;
        Ok(answer.map_err(Error::from_status)?.into_inner())
    }

    /// Reports a preview that was stored, or why there is none.
    ///
    /// # Errors
    /// The call's.
    pub async fn report_preview(
        &self,
        job: &Job,
        failure: PreviewFailure,
        total_pages: i32,
        objects: &[StoredPreview],
    ) -> Result<(), Error> {
        let message = ReportPreviewRequest {
            job_id: job.job_id.to_string(),
            failure: failure.into(),
            total_pages,
            objects: objects.to_vec(),
        };
        let request = request(&self.tokens, &job.tenant, message).await?;
        self.previews.clone().report_preview(request).await.map_err(Error::from_status)?;
        Ok(())
    }

    /// Takes an integrity job.
    ///
    /// # Errors
    /// The call's.
    pub async fn claim_integrity(&self, job: &Job) -> Result<ClaimIntegrityResponse, Error> {
        let message = ClaimIntegrityRequest { job_id: job.job_id.to_string() };
        let request = request(&self.tokens, &job.tenant, message).await?;
        let answer = self.integrity.clone().claim_integrity(request).await;
        Ok(answer.map_err(Error::from_status)?.into_inner())
    }

    /// Reports what an object was found to be, and what became of it.
    ///
    /// # Errors
    /// The call's.
    pub async fn report_integrity(
        &self,
        job: &Job,
        finding: IntegrityFinding,
        repair: IntegrityRepair,
    ) -> Result<(), Error> {
        let message = ReportIntegrityRequest {
            job_id: job.job_id.to_string(),
            finding: finding.into(),
            repair: repair.into(),
        };
        let request = request(&self.tokens, &job.tenant, message).await?;
        self.integrity.clone().report_integrity(request).await.map_err(Error::from_status)?;
        Ok(())
    }

    /// Whether it can be asked now, as this service.
    ///
    /// # Errors
    /// When it does not serve, or no token can be had.
    pub async fn check(&self) -> Result<(), Error> {
        self.tokens.ready().await?;
        serving(self.health.clone(), "guildhall.document.v1.DocumentService").await
    }
}

/// The payment service.
#[derive(Clone)]
pub struct Payments {
    client: PaymentServiceClient<Channel>,
    bills: BillingServiceClient<Channel>,
    health: HealthClient<Channel>,
    tokens: TokenSource,
}

impl Payments {
    /// Calls it through `channel` as this service.
    #[must_use]
    pub fn new(channel: Channel, tokens: TokenSource) -> Self {
        Self {
            client: PaymentServiceClient::new(channel.clone()),
            bills: BillingServiceClient::new(channel.clone()),
            health: HealthClient::new(channel),
            tokens,
        }
    }

    /// Has a payment advanced by a step, for which it may ask its provider.
    ///
    /// # Errors
    /// The call's.
    pub async fn advance(&self, tenant: &Tenant, payment_id: &str) -> Result<AdvancePaymentResponse, Error> {
        let message = AdvancePaymentRequest { payment_id: payment_id.to_owned() };
        let mut request = request(&self.tokens, tenant, message).await?;
        request.set_timeout(PROVIDER_DEADLINE);
        let answer = self.client.clone().advance_payment(request).await;
        Ok(answer.map_err(Error::from_status)?.into_inner())
    }

    /// Takes the job of a PDF.
    ///
    /// # Errors
    /// The call's.
    pub async fn claim_pdf(&self, job: &Job) -> Result<ClaimPdfResponse, Error> {
        let message = ClaimPdfRequest { job_id: job.job_id.to_string() };
        let request = request(&self.tokens, &job.tenant, message).await?;
        let answer = self.bills.clone().claim_pdf(request).await;
        Ok(answer.map_err(Error::from_status)?.into_inner())
    }

    /// Reports that a PDF is kept.
    ///
    /// # Errors
    /// The call's.
    pub async fn report_pdf(&self, job: &Job) -> Result<(), Error> {
        let message = ReportPdfRequest { job_id: job.job_id.to_string() };
        let request = request(&self.tokens, &job.tenant, message).await?;
        self.bills.clone().report_pdf(request).await.map_err(Error::from_status)?;
        Ok(())
    }

    /// How a run of bills stands.
    ///
    /// # Errors
    /// The call's.
    pub async fn bill_run(&self, tenant: &Tenant, run_id: &str) -> Result<BillRun, Error> {
        let message = GetRunRequest { run_id: run_id.to_owned() };
        let request = request(&self.tokens, tenant, message).await?;
        let answer = self.bills.clone().get_run(request).await.map_err(Error::from_status)?.into_inner();
        answer.run.ok_or_else(|| Error::unavailable("an answer without a run"))
    }

    /// Hands in lines of a run.
    ///
    /// # Errors
    /// The call's.
    pub async fn stage(
        &self,
        tenant: &Tenant,
        lines: StageRunLinesRequest,
    ) -> Result<StageRunLinesResponse, Error> {
        let mut request = request(&self.tokens, tenant, lines).await?;
        request.set_timeout(PROVIDER_DEADLINE);
        let answer = self.bills.clone().stage_run_lines(request).await;
        Ok(answer.map_err(Error::from_status)?.into_inner())
    }

    /// Has the next bills of a run issued.
    ///
    /// # Errors
    /// The call's.
    pub async fn issue(
        &self,
        tenant: &Tenant,
        run_id: &str,
        limit: i32,
    ) -> Result<IssueRunLinesResponse, Error> {
        let message = IssueRunLinesRequest { run_id: run_id.to_owned(), limit };
        let mut request = request(&self.tokens, tenant, message).await?;
        request.set_timeout(PROVIDER_DEADLINE);
        let answer = self.bills.clone().issue_run_lines(request).await;
        Ok(answer.map_err(Error::from_status)?.into_inner())
    }

    /// Whether it can be asked now, as this service.
    ///
    /// # Errors
    /// When it does not serve, or no token can be had.
    pub async fn check(&self) -> Result<(), Error> {
        self.tokens.ready().await?;
        serving(self.health.clone(), "guildhall.payment.v1.PaymentService").await
    }
}

/// The notification service.
#[derive(Clone)]
pub struct Deliveries {
    client: NotificationServiceClient<Channel>,
    health: HealthClient<Channel>,
    tokens: TokenSource,
}

impl Deliveries {
    /// Calls it through `channel` as this service.
    #[must_use]
    pub fn new(channel: Channel, tokens: TokenSource) -> Self {
        Self {
            client: NotificationServiceClient::new(channel.clone()),
            health: HealthClient::new(channel),
            tokens,
        }
    }

    /// Takes a delivery.
    ///
    /// # Errors
    /// The call's.
    pub async fn claim(&self, job: &Job) -> Result<ClaimDeliveryResponse, Error> {
        let message = ClaimDeliveryRequest { job_id: job.job_id.to_string() };
        let request = request(&self.tokens, &job.tenant, message).await?;
        let answer = self.client.clone().claim_delivery(request).await;
        Ok(answer.map_err(Error::from_status)?.into_inner())
    }

    /// Reports how a delivery went.
    ///
    /// # Errors
    /// The call's.
    pub async fn report(
        &self,
        job: JobId,
        tenant: &Tenant,
        outcome: DeliveryOutcome,
        provider_code: &str,
    ) -> Result<(), Error> {
        let message = ReportDeliveryRequest {
            job_id: job.to_string(),
            outcome: outcome.into(),
            provider_code: provider_code.to_owned(),
        };
        let request = request(&self.tokens, tenant, message).await?;
        self.client.clone().report_delivery(request).await.map_err(Error::from_status)?;
        Ok(())
    }

    /// Whether it can be asked now, as this service.
    ///
    /// # Errors
    /// When it does not serve, or no token can be had.
    pub async fn check(&self) -> Result<(), Error> {
        self.tokens.ready().await?;
        serving(self.health.clone(), "guildhall.notification.v1.NotificationService").await
    }
}

async fn request<T>(tokens: &TokenSource, tenant: &Tenant, message: T) -> Result<Request<T>, Error> {
    let token = tokens.token().await?;
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    auth::client::authorize(&mut request, &token, Some(tenant));
    Ok(request)
}

async fn serving(mut health: HealthClient<Channel>, service: &str) -> Result<(), Error> {
    let mut request = Request::new(HealthCheckRequest { service: service.to_owned() });
    request.set_timeout(HEALTH_DEADLINE);
    // Asked every few seconds: whoever wants to know is told, and neither log nor traces are.
    let answer =
        health.check(request).with_subscriber(NoSubscriber::new()).await.map_err(Error::from_status)?;
    match answer.into_inner().status() {
        ServingStatus::Serving => Ok(()),
        status => Err(Error::unavailable(format!("{service} is {}", status.as_str_name()))),
    }
}

/// What a refused claim means for the job: nothing to do (`Ok`), later, or never.
///
/// # Errors
/// What to tell the queue.
pub fn refused(error: Error) -> Result<(), Failure> {
    match error.reason() {
        reason::JOB_FINISHED => Ok(()),
        reason::JOB_LEASED => {
            let wait = error.retry_delay().unwrap_or(LEASED);
            Err(Failure::retry_after(wait.clamp(Duration::from_secs(1), Duration::from_secs(600)), error))
        }
        _ => Err(failed(error)),
    }
}

/// What a failed call means for the job.
#[must_use]
pub fn failed(error: Error) -> Failure {
    match error.code() {
        Code::Malformed | Code::InvalidArgument => Failure::poison("CALL_REFUSED", error),
        Code::NotFound | Code::Gone => Failure::poison("JOB_NOT_FOUND", error),
        _ => Failure::retry(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_nothing_to_do_later_or_never() {
        assert!(refused(Error::new(Code::Conflict, reason::JOB_FINISHED, "reported")).is_ok());

        let leased = |wait| Error::new(Code::Conflict, reason::JOB_LEASED, "leased").retry_after(wait);
        for (said, waited) in [(90, 90), (0, 1), (100_000, 600)] {
            let failure = refused(leased(Duration::from_secs(said))).unwrap_err();
            let Failure::Retry { after, .. } = failure else { panic!("{failure:?}") };
            assert_eq!(after, Some(Duration::from_secs(waited)));
        }

        let gone = refused(Error::new(Code::NotFound, reason::JOB_NOT_FOUND, "no such job")).unwrap_err();
        assert!(matches!(gone, Failure::Poison { .. }), "{gone:?}");
        let away = refused(Error::unavailable("down")).unwrap_err();
        assert!(matches!(away, Failure::Retry { after: None, .. }), "{away:?}");
    }
}
