//! `NotificationService`: translates, one file per call; the use cases decide.

mod claim_delivery;
mod feed_heads;
mod get_erasure;
mod list_feed;
mod mark_read;
mod report_delivery;
mod request_erasure;
mod upsert_recipient;

use proto::notification::v1::notification_service_server::{NotificationService, NotificationServiceServer};
use proto::notification::v1::{
    ClaimDeliveryRequest, ClaimDeliveryResponse, Erasure, ErasureReport, FeedHeadsRequest, FeedHeadsResponse,
    GetErasureRequest, GetErasureResponse, ListFeedRequest, ListFeedResponse, MarkReadRequest,
    MarkReadResponse, ReportDeliveryRequest, ReportDeliveryResponse, RequestErasureRequest,
    RequestErasureResponse, UpsertRecipientRequest, UpsertRecipientResponse,
};
use time::OffsetDateTime;
use tonic::{Request, Response, Status};

use crate::{State, app};

/// The service as a tonic server needs it.
#[derive(Clone, Debug)]
pub struct Service {
    state: State,
}

impl Service {
    /// Serves what `state` holds.
    #[must_use]
    pub fn server(state: State) -> NotificationServiceServer<Self> {
        NotificationServiceServer::new(Self { state })
    }
}

#[tonic::async_trait]
impl NotificationService for Service {
    async fn upsert_recipient(
        &self,
        request: Request<UpsertRecipientRequest>,
    ) -> Result<Response<UpsertRecipientResponse>, Status> {
        Ok(upsert_recipient::call(&self.state, request).await?)
    }

    async fn list_feed(
        &self,
        request: Request<ListFeedRequest>,
    ) -> Result<Response<ListFeedResponse>, Status> {
        Ok(list_feed::call(&self.state, request).await?)
    }

    async fn feed_heads(
        &self,
        request: Request<FeedHeadsRequest>,
    ) -> Result<Response<FeedHeadsResponse>, Status> {
        Ok(feed_heads::call(&self.state, request).await?)
    }

    async fn mark_read(
        &self,
        request: Request<MarkReadRequest>,
    ) -> Result<Response<MarkReadResponse>, Status> {
        Ok(mark_read::call(&self.state, request).await?)
    }

    async fn claim_delivery(
        &self,
        request: Request<ClaimDeliveryRequest>,
    ) -> Result<Response<ClaimDeliveryResponse>, Status> {
        Ok(claim_delivery::call(&self.state, request).await?)
    }

    async fn report_delivery(
        &self,
        request: Request<ReportDeliveryRequest>,
    ) -> Result<Response<ReportDeliveryResponse>, Status> {
        Ok(report_delivery::call(&self.state, request).await?)
    }

    async fn request_erasure(
        &self,
        request: Request<RequestErasureRequest>,
    ) -> Result<Response<RequestErasureResponse>, Status> {
        Ok(request_erasure::call(&self.state, request).await?)
    }

    async fn get_erasure(
        &self,
        request: Request<GetErasureRequest>,
    ) -> Result<Response<GetErasureResponse>, Status> {
        Ok(get_erasure::call(&self.state, request).await?)
    }
}

/// An erasure in the contract's terms.
fn erasure((erasure, reports): (app::erasure::Erasure, Vec<app::erasure::Report>)) -> Erasure {
    let reports = reports.into_iter().map(|report| ErasureReport {
        service: report.service,
        reported_at: report.reported_at.map(timestamp),
        erased: report.erased,
        kept: report.kept,
        kept_reasons: report.kept_reasons,
    });
    Erasure {
        erasure_id: erasure.id.to_string(),
        subject: erasure.subject.to_string(),
        requested_at: Some(timestamp(erasure.requested_at)),
        finished_at: erasure.finished_at.map(timestamp),
        reports: reports.collect(),
    }
}

fn timestamp(at: OffsetDateTime) -> prost_types::Timestamp {
    let nanos = i32::try_from(at.nanosecond()).unwrap_or_default();
    prost_types::Timestamp { seconds: at.unix_timestamp(), nanos }
}
