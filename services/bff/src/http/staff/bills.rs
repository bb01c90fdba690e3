//! Bills, as staff write them.

pub mod cancel;
pub mod create;
pub mod credit;
pub mod issue;
pub mod write_off;

use serde::Deserialize;
use utoipa::ToSchema;

/// Why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Why {
    /// Why: 1 to 1,000 bytes, no control characters.
    pub(crate) reason: String,
}
