//! What no scanner could look into, as JSON.

pub mod decide;
pub mod decisions;
pub mod download;
pub mod list;

use proto::document::v1::{QuarantineDecision, QuarantineOutcome};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::notifications::rfc3339;

/// What somebody decided about a quarantined version.
#[derive(Debug, Serialize, ToSchema)]
pub struct DecisionView {
    /// UUIDv7 of the document.
    document_id: String,
    /// Which version of it.
    version: i32,
    /// `released` or `rejected`.
    outcome: &'static str,
    /// Subject of who decided.
    by: String,
    /// RFC 3339, UTC.
    at: Option<String>,
    /// Why, in their own words.
    reason: String,
}

impl From<QuarantineDecision> for DecisionView {
    fn from(decision: QuarantineDecision) -> Self {
        Self {
            outcome: match decision.outcome() {
                QuarantineOutcome::Unspecified => "unknown",
                QuarantineOutcome::Released => "released",
                QuarantineOutcome::Rejected => "rejected",
            },
            document_id: decision.document_id,
            version: decision.version,
            by: decision.by,
            at: decision.at.and_then(rfc3339),
            reason: decision.reason,
        }
    }
}

/// What becomes of a quarantined version.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It can be read.
    Released,
    /// It is refused for good.
    Rejected,
}
