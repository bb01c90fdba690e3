//! `guildhall.operations.v1.AuditService`.

mod head;
mod list;
mod page;
mod prove;
mod verify;

use proto::operations::v1;
use proto::operations::v1::audit_service_server::{AuditService, AuditServiceServer};
use tonic::{Request, Response, Status};

use crate::{Books, Row, StoredCheckpoint};

/// The service as a tonic server needs it.
#[derive(Clone, Debug)]
pub struct Api {
    books: Books,
}

/// Serves the chains of these books.
#[must_use]
pub fn server(books: &Books) -> AuditServiceServer<Api> {
    AuditServiceServer::new(Api::new(books))
}

#[tonic::async_trait]
impl AuditService for Api {
    async fn get_audit_head(
        &self,
        request: Request<v1::GetAuditHeadRequest>,
    ) -> Result<Response<v1::GetAuditHeadResponse>, Status> {
        Ok(head::call(self, &request).await?)
    }

    async fn list_audit_entries(
        &self,
        request: Request<v1::ListAuditEntriesRequest>,
    ) -> Result<Response<v1::ListAuditEntriesResponse>, Status> {
        Ok(list::call(self, &request).await?)
    }

    async fn prove_audit_events(
        &self,
        request: Request<v1::ProveAuditEventsRequest>,
    ) -> Result<Response<v1::ProveAuditEventsResponse>, Status> {
        Ok(prove::call(self, &request).await?)
    }

    async fn verify_audit_chain(
        &self,
        request: Request<v1::VerifyAuditChainRequest>,
    ) -> Result<Response<v1::VerifyAuditChainResponse>, Status> {
        Ok(verify::call(self, &request).await?)
    }
}

impl Api {
    /// What [`server`] serves.
    #[must_use]
    pub fn new(books: &Books) -> Self {
        Self { books: books.clone() }
    }
}

impl From<Row> for v1::AuditEntry {
    fn from(row: Row) -> Self {
        Self {
            seq: row.seq,
            event_id: row.event_id.to_string(),
            r#type: row.type_,
            subject: row.subject,
            time: Some(timestamp(row.time)),
            schema: row.schema,
            body: row.body,
            digest: row.digest,
            hash: row.hash,
        }
    }
}

impl From<StoredCheckpoint> for v1::AuditCheckpoint {
    fn from(stored: StoredCheckpoint) -> Self {
        Self {
            seq: stored.seq,
            hash: stored.hash,
            signed_at: Some(timestamp(stored.signed_at)),
            key: stored.key,
            signature: stored.signature,
        }
    }
}

fn timestamp(at: time::OffsetDateTime) -> prost_types::Timestamp {
    let nanos = i32::try_from(at.nanosecond()).unwrap_or_default();
    prost_types::Timestamp { seconds: at.unix_timestamp(), nanos }
}
