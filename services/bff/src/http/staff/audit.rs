//! Audit chains of the services, as JSON.

pub mod head;
pub mod list;
pub mod prove;
pub mod verify;

use proto::operations::v1::audit_service_client::AuditServiceClient;
use rpc_error::{Code, Error, reason};
use serde::{Deserialize, Serialize};
use service::channel::Channel;
use utoipa::ToSchema;

use crate::services::Services;

/// A service that keeps an audit chain.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChainOwner {
    /// What happens to documents.
    Document,
}

impl ChainOwner {
    fn client(self, services: &Services) -> AuditServiceClient<Channel> {
        match self {
            Self::Document => services.document_audit.clone(),
        }
    }
}

impl std::str::FromStr for ChainOwner {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "document" => Ok(Self::Document),
            _ => Err(Error::new(Code::NotFound, reason::ROUTE_NOT_FOUND, "there is no such path")),
        }
    }
}

/// What a chain had come to, signed.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckpointView {
    /// The newest entry that it covers.
    seq: i64,
    /// Hash of that entry, hexadecimal.
    hash: String,
    /// RFC 3339, UTC.
    signed_at: Option<String>,
    /// Id of the key that signed it.
    key: String,
    /// Ed25519, base64.
    signature: String,
}
