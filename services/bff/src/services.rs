//! Calls to the services behind.

use auth::{Caller, TokenSource};
use ids::{RecipientId, Subject, Tenant};
use proto::document::v1::case_service_client::CaseServiceClient;
use proto::document::v1::document_service_client::DocumentServiceClient;
use proto::document::v1::preview_service_client::PreviewServiceClient;
use proto::document::v1::quarantine_service_client::QuarantineServiceClient;
use proto::document::v1::sharing_service_client::SharingServiceClient;
use proto::notification::v1::notification_service_client::NotificationServiceClient;
use proto::notification::v1::{
    FeedHead, FeedHeadsRequest, ListFeedRequest, ListFeedResponse, UpsertRecipientRequest,
};
use proto::operations::v1::audit_service_client::AuditServiceClient;
use proto::operations::v1::dead_letter_service_client::DeadLetterServiceClient;
use proto::operations::v1::policy_service_client::PolicyServiceClient;
use proto::payment::v1::ReceiveCallbackRequest;
use proto::payment::v1::billing_service_client::BillingServiceClient;
use proto::payment::v1::ledger_service_client::LedgerServiceClient;
use proto::payment::v1::payment_service_client::PaymentServiceClient;
use rpc_error::{Code, Error, reason};
use service::channel::Channel;
use tonic::Request;

use crate::principal::{Contact, Principal};

/// Clients of the services; cheap to clone.
#[derive(Debug, Clone)]
pub struct Services {
    /// The document service.
    pub document: DocumentServiceClient<Channel>,
    /// Cases and legal holds of the document service.
    pub cases: CaseServiceClient<Channel>,
    /// Previews of the document service.
    pub previews: PreviewServiceClient<Channel>,
    /// Reviews of the document service.
    pub quarantine: QuarantineServiceClient<Channel>,
    /// Grants and the access log of the document service.
    pub sharing: SharingServiceClient<Channel>,
    /// Bills of the payment service.
    pub billing: BillingServiceClient<Channel>,
    /// The books of the payment service.
    pub ledger: LedgerServiceClient<Channel>,
    /// Payments and refunds of the payment service.
    pub payment: PaymentServiceClient<Channel>,
    /// The notification service.
    pub notification: NotificationServiceClient<Channel>,
    /// Dead letters of the document service.
    pub document_letters: DeadLetterServiceClient<Channel>,
    /// Dead letters of the notification service.
    pub notification_letters: DeadLetterServiceClient<Channel>,
    /// Dead letters of the payment service.
    pub payment_letters: DeadLetterServiceClient<Channel>,
    /// The audit chain of the document service.
    pub document_audit: AuditServiceClient<Channel>,
    /// Policies of the document service.
    pub document_policies: PolicyServiceClient<Channel>,
    own: TokenSource,
}

impl Services {
    /// Clients over balanced channels; `own` is the token of `svc-bff`.
    #[must_use]
    pub fn new(document: Channel, payment: Channel, notification: Channel, own: TokenSource) -> Self {
        Self {
            document_audit: AuditServiceClient::new(document.clone()),
            document_policies: PolicyServiceClient::new(document.clone()),
            document_letters: DeadLetterServiceClient::new(document.clone()),
            notification_letters: DeadLetterServiceClient::new(notification.clone()),
            payment_letters: DeadLetterServiceClient::new(payment.clone()),
            cases: CaseServiceClient::new(document.clone()),
            previews: PreviewServiceClient::new(document.clone()),
            quarantine: QuarantineServiceClient::new(document.clone()),
            sharing: SharingServiceClient::new(document.clone()),
            document: DocumentServiceClient::new(document),
            billing: BillingServiceClient::new(payment.clone()),
            ledger: LedgerServiceClient::new(payment.clone()),
            payment: PaymentServiceClient::new(payment),
            notification: NotificationServiceClient::new(notification),
            own,
        }
    }

    /// A request on behalf of the caller, with the caller's own token.
    ///
    /// # Errors
    ///
    /// `TOKEN_INVALID` when the token cannot stand in metadata.
    pub fn forward<T>(
        principal: &Principal,
        key: Option<&http::HeaderValue>,
        message: T,
    ) -> Result<Request<T>, Error> {
        let mut request = Request::new(message);
        auth::client::authorize(&mut request, &principal.caller.token, None);
        if let Some(key) = key {
            let key = key.to_str().ok().and_then(|key| key.parse().ok()).ok_or_else(|| {
                Error::new(
                    Code::Malformed,
                    reason::IDEMPOTENCY_KEY_INVALID,
                    "`idempotency-key` must be 1 to 255 visible ASCII characters",
                )
            })?;
            request.metadata_mut().insert("idempotency-key", key);
        }
        Ok(request)
    }

    /// A request of `svc-bff` in a tenant.
    async fn own<T>(&self, tenant: &Tenant, message: T) -> Result<Request<T>, Error> {
        let token = self.own.token().await?;
        let mut request = Request::new(message);
        auth::client::authorize(&mut request, &token, Some(tenant));
        Ok(request)
    }

    /// Creates or updates the caller's recipient from the claims of their token.
    ///
    /// # Errors
    ///
    /// Those of the call.
    pub async fn upsert_recipient(&self, caller: &Caller, contact: &Contact) -> Result<RecipientId, Error> {
        self.upsert(&caller.tenant, &caller.subject, contact, caller.person.as_ref()).await
    }

    /// Says how to reach whom an office knows by a reference of its own.
    ///
    /// # Errors
    ///
    /// Those of the call.
    pub async fn introduce(&self, tenant: &Tenant, person: &Subject, contact: &Contact) -> Result<(), Error> {
        self.upsert(tenant, person, contact, None).await.map(drop)
    }

    async fn upsert(
        &self,
        tenant: &Tenant,
        subject: &Subject,
        contact: &Contact,
        person: Option<&Subject>,
    ) -> Result<RecipientId, Error> {
        let message = UpsertRecipientRequest {
            subject: subject.to_string(),
            email: contact.email.clone().unwrap_or_default(),
            locale: contact.locale.clone().unwrap_or_default(),
            person: person.map(ToString::to_string).unwrap_or_default(),
        };
        let request = self.own(tenant, message).await?;
        let answer = self.notification.clone().upsert_recipient(request).await;
        let id = answer.map_err(Error::from_status)?.into_inner().recipient_id;
        id.parse::<RecipientId>().map_err(Error::internal)
    }

    /// Hands over a provider's callback. The account says whose it is, so that no tenant is named.
    ///
    /// # Errors
    ///
    /// Those of the call.
    pub async fn receive_callback(&self, message: ReceiveCallbackRequest) -> Result<(), Error> {
        let mut request = Request::new(message);
        auth::client::authorize(&mut request, &self.own.token().await?, None);
        self.payment.clone().receive_callback(request).await.map_err(Error::from_status)?;
        Ok(())
    }

    /// Lists a recipient's feed above `after`.
    ///
    /// # Errors
    ///
    /// Those of the call.
    pub async fn list_feed(
        &self,
        tenant: &Tenant,
        recipient: RecipientId,
        after: i64,
    ) -> Result<ListFeedResponse, Error> {
        let message =
            ListFeedRequest { recipient_id: recipient.to_string(), after_seq: after, page_size: PAGE_SIZE };
        let request = self.own(tenant, message).await?;
        let answer = self.notification.clone().list_feed(request).await;
        Ok(answer.map_err(Error::from_status)?.into_inner())
    }

    /// How far the feeds of up to 1,000 recipients of a tenant have come.
    ///
    /// # Errors
    ///
    /// Those of the call.
    pub async fn feed_heads(
        &self,
        tenant: &Tenant,
        recipients: &[RecipientId],
    ) -> Result<Vec<FeedHead>, Error> {
        let message =
            FeedHeadsRequest { recipient_ids: recipients.iter().map(ToString::to_string).collect() };
        let request = self.own(tenant, message).await?;
        let answer = self.notification.clone().feed_heads(request).await;
        Ok(answer.map_err(Error::from_status)?.into_inner().heads)
    }
}

/// Rows asked for at once.
const PAGE_SIZE: i32 = 200;
