//! Uploads in parts, as JSON.

pub mod abort;
pub mod list;
pub mod sign;

use proto::document::v1::UploadParts;
use serde::Serialize;
use utoipa::ToSchema;

/// How a file is sent that is too large for one request: in any order, each part again as often as need be.
#[derive(Debug, Serialize, ToSchema)]
pub struct PartsView {
    /// Size of every part but the last, in bytes.
    size_bytes: i64,
    /// How many there are, numbered from 1.
    count: i32,
}

impl From<UploadParts> for PartsView {
    fn from(parts: UploadParts) -> Self {
        Self { size_bytes: parts.part_size_bytes, count: parts.count }
    }
}
