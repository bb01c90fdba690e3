//! Times as they are kept and shown: RFC 3339.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Moment(#[serde(with = "time::serde::rfc3339")] pub(crate) OffsetDateTime);
