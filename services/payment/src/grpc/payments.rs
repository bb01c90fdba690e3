//! `PaymentService`: reads requests, calls the use case, writes answers. Decides nothing.

use auth::Caller;
use proto::common::v1::Money;
use proto::payment::v1;
use proto::payment::v1::payment_service_server::PaymentService;
use tonic::{Request, Response, Status};

use super::{Api, disputes, key, timestamp};
use crate::app;
use crate::db::callbacks::UnknownCallback;
use crate::db::payment_entries::PaymentEntry;
use crate::domain::{CancelledBy, Currency, Failure, Payment, PaymentState as State, Refund, RefundState};

#[tonic::async_trait]
impl PaymentService for Api {
    async fn initiate_payment(
        &self,
        request: Request<v1::InitiatePaymentRequest>,
    ) -> Result<Response<v1::InitiatePaymentResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let begun = app::initiate_payment(&self.state, caller, key, request.get_ref()).await?;
        Ok(begun.map(|payment| v1::InitiatePaymentResponse { payment: Some(payment) }).into_response())
    }

    async fn get_payment(
        &self,
        request: Request<v1::GetPaymentRequest>,
    ) -> Result<Response<v1::GetPaymentResponse>, Status> {
        let caller = auth::caller(&request)?;
        let payment = app::get_payment(&self.state, caller, &request.get_ref().payment_id).await?;
        Ok(Response::new(v1::GetPaymentResponse { payment: Some(seen_by(caller, &payment)) }))
    }

    async fn list_payments(
        &self,
        request: Request<v1::ListPaymentsRequest>,
    ) -> Result<Response<v1::ListPaymentsResponse>, Status> {
        let caller = auth::caller(&request)?;
        let page = app::list_payments(&self.state, caller, request.get_ref()).await?;
        Ok(Response::new(v1::ListPaymentsResponse {
            payments: page.payments.iter().map(|payment| seen_by(caller, payment)).collect(),
            next_page_token: page.next.map(|token| token.to_string()).unwrap_or_default(),
        }))
    }

    async fn cancel_payment(
        &self,
        request: Request<v1::CancelPaymentRequest>,
    ) -> Result<Response<v1::CancelPaymentResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let asked = app::cancel_payment(&self.state, caller, key, request.get_ref()).await?;
        Ok(asked.map(|payment| v1::CancelPaymentResponse { payment: Some(payment) }).into_response())
    }

    async fn create_refund(
        &self,
        request: Request<v1::CreateRefundRequest>,
    ) -> Result<Response<v1::CreateRefundResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let begun = app::create_refund(&self.state, caller, key, request.get_ref()).await?;
        Ok(begun.map(|refund| v1::CreateRefundResponse { refund: Some(refund) }).into_response())
    }

    async fn list_refunds(
        &self,
        request: Request<v1::ListRefundsRequest>,
    ) -> Result<Response<v1::ListRefundsResponse>, Status> {
        let caller = auth::caller(&request)?;
        let (refunds, currency) =
            app::list_refunds(&self.state, caller, &request.get_ref().payment_id).await?;
        let refunds = refunds.iter().map(|one| refund(one, currency)).collect();
        Ok(Response::new(v1::ListRefundsResponse { refunds }))
    }

    async fn list_payment_events(
        &self,
        request: Request<v1::ListPaymentEventsRequest>,
    ) -> Result<Response<v1::ListPaymentEventsResponse>, Status> {
        let caller = auth::caller(&request)?;
        let entries = app::list_payment_events(&self.state, caller, &request.get_ref().payment_id).await?;
        let entries = entries.into_iter().map(Into::into).collect();
        Ok(Response::new(v1::ListPaymentEventsResponse { entries }))
    }

    async fn advance_payment(
        &self,
        request: Request<v1::AdvancePaymentRequest>,
    ) -> Result<Response<v1::AdvancePaymentResponse>, Status> {
        let caller = auth::caller(&request)?;
        let wait = app::advance_payment(&self.state, &caller.tenant, &request.get_ref().payment_id).await?;
        // The time until a moment of this service's own clock: a caller's clock does not matter.
        let wait_ms = wait.map_or(0, |wait| wait.whole_milliseconds().try_into().unwrap_or(i64::MAX));
        Ok(Response::new(v1::AdvancePaymentResponse { settled: wait.is_none(), wait_ms }))
    }

    async fn list_disputes(
        &self,
        request: Request<v1::ListDisputesRequest>,
    ) -> Result<Response<v1::ListDisputesResponse>, Status> {
        let caller = auth::caller(&request)?;
        let (disputes, next) = app::list_disputes(&self.state, caller, request.get_ref()).await?;
        let disputes = disputes.into_iter().map(disputes::dispute).collect();
        let next_page_token = next.map(|token| token.to_string()).unwrap_or_default();
        Ok(Response::new(v1::ListDisputesResponse { disputes, next_page_token }))
    }

    async fn receive_callback(
        &self,
        request: Request<v1::ReceiveCallbackRequest>,
    ) -> Result<Response<v1::ReceiveCallbackResponse>, Status> {
        let v1::ReceiveCallbackRequest { account_id, body, headers } = request.get_ref();
        app::receive_callback(&self.state, account_id, body, headers).await?;
        Ok(Response::new(v1::ReceiveCallbackResponse {}))
    }

    async fn list_unknown_callbacks(
        &self,
        request: Request<v1::ListUnknownCallbacksRequest>,
    ) -> Result<Response<v1::ListUnknownCallbacksResponse>, Status> {
        let caller = auth::caller(&request)?;
        let (callbacks, next) = app::list_unknown_callbacks(&self.state, caller, request.get_ref()).await?;
        Ok(Response::new(v1::ListUnknownCallbacksResponse {
            callbacks: callbacks.into_iter().map(Into::into).collect(),
            next_page_token: next.map(|token| token.to_string()).unwrap_or_default(),
        }))
    }
}

/// A payment as the caller sees it: who pays is the only one who is sent to the provider.
fn seen_by(caller: &Caller, payment: &Payment) -> v1::Payment {
    let next_url = payment.next_url.clone().filter(|_| caller.subject == payment.payer).unwrap_or_default();
    v1::Payment { next_url, ..payment.into() }
}

/// Without the address at the provider, which is for the payer alone and in no stored answer.
impl From<&Payment> for v1::Payment {
    fn from(payment: &Payment) -> Self {
        let money = |minor_units| Some(Money { minor_units, currency: payment.currency.to_string() });
        Self {
            payment_id: payment.id.to_string(),
            bill_id: payment.bill_id.to_string(),
            payer: payment.payer.to_string(),
            amount: money(payment.amount),
            status: status(payment.state).into(),
            failure: failure(payment.state).into(),
            cancelled_by: cancelled_by(payment.state).into(),
            captured: money(payment.captured()),
            refunded: money(payment.refunded),
            refund_available: money(payment.available()),
            next_url: String::new(),
            can_cancel: payment.can_cancel(),
            created_at: Some(timestamp(payment.created_at)),
            expires_at: Some(timestamp(payment.expires_at)),
            finished_at: payment.finished_at.map(timestamp),
            disputed: money(payment.disputed),
            receipt_document_id: payment.receipt_id.map(|id| id.to_string()).unwrap_or_default(),
        }
    }
}

impl From<PaymentEntry> for v1::PaymentEntry {
    fn from(entry: PaymentEntry) -> Self {
        Self {
            at: Some(timestamp(entry.at)),
            name: entry.name,
            refund_id: entry.refund_id.map(|id| id.to_string()).unwrap_or_default(),
            dispute_id: entry.dispute_id.map(|id| id.to_string()).unwrap_or_default(),
        }
    }
}

impl From<UnknownCallback> for v1::UnknownCallback {
    fn from(callback: UnknownCallback) -> Self {
        Self {
            callback_id: callback.id.to_string(),
            account_id: callback.account,
            received_at: Some(timestamp(callback.received_at)),
            event_type: callback.event_type.unwrap_or_default(),
            provider_reference: callback.provider_reference.unwrap_or_default(),
        }
    }
}

/// A refund, whose payment is in this currency.
pub(crate) fn refund(refund: &Refund, currency: Currency) -> v1::Refund {
    v1::Refund {
        refund_id: refund.id.to_string(),
        payment_id: refund.payment_id.to_string(),
        amount: Some(Money { minor_units: refund.amount, currency: currency.to_string() }),
        status: refund_status(refund.state).into(),
        reason: refund.reason.as_ref().map(|reason| reason.as_str().to_owned()).unwrap_or_default(),
        created_at: Some(timestamp(refund.created_at)),
        finished_at: refund.finished_at.map(timestamp),
    }
}

pub(crate) fn status(state: State) -> v1::PaymentStatus {
    match state {
        State::Initiated | State::Submitted => v1::PaymentStatus::Processing,
        State::OutcomeUnknown => v1::PaymentStatus::OutcomeUnknown,
        State::Completed { .. } => v1::PaymentStatus::Completed,
        State::Failed(_) => v1::PaymentStatus::Failed,
        State::Cancelled(_) => v1::PaymentStatus::Cancelled,
    }
}

pub(crate) fn failure(state: State) -> v1::PaymentFailure {
    match state {
        State::Failed(Failure::Declined) => v1::PaymentFailure::Declined,
        State::Failed(Failure::Expired) => v1::PaymentFailure::Expired,
        State::Failed(Failure::ProviderError) => v1::PaymentFailure::ProviderError,
        _ => v1::PaymentFailure::Unspecified,
    }
}

pub(crate) fn cancelled_by(state: State) -> v1::CancelledBy {
    match state {
        State::Cancelled(CancelledBy::Payer) => v1::CancelledBy::Payer,
        State::Cancelled(CancelledBy::Staff) => v1::CancelledBy::Staff,
        _ => v1::CancelledBy::Unspecified,
    }
}

pub(crate) fn refund_status(state: RefundState) -> v1::RefundStatus {
    match state {
        RefundState::Submitted => v1::RefundStatus::Submitted,
        RefundState::Completed => v1::RefundStatus::Completed,
        RefundState::Failed => v1::RefundStatus::Failed,
    }
}
