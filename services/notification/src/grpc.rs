//! `NotificationService`: translates, one file per call; the use cases decide.

mod claim_delivery;
mod feed_heads;
mod list_feed;
mod mark_read;
mod report_delivery;
mod upsert_recipient;

use proto::notification::v1::notification_service_server::{NotificationService, NotificationServiceServer};
use proto::notification::v1::{
    ClaimDeliveryRequest, ClaimDeliveryResponse, FeedHeadsRequest, FeedHeadsResponse, ListFeedRequest,
    ListFeedResponse, MarkReadRequest, MarkReadResponse, ReportDeliveryRequest, ReportDeliveryResponse,
    UpsertRecipientRequest, UpsertRecipientResponse,
};
use time::OffsetDateTime;
use tonic::{Request, Response, Status};

use crate::State;

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
}

fn timestamp(at: OffsetDateTime) -> prost_types::Timestamp {
    let nanos = i32::try_from(at.nanosecond()).unwrap_or_default();
    prost_types::Timestamp { seconds: at.unix_timestamp(), nanos }
}
