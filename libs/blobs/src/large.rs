//! What is so large that the store needs time for it.

use std::time::Duration;

use crate::store::timeouts;

/// Largest object, in bytes: 5 GB, which S3 still copies in one request.
pub const MAX_OBJECT: u64 = 5_000_000_000;

/// What the store does by itself at the least, in bytes per second.
const PACE: u64 = 20_000_000;
/// Deadline where the size does not matter.
const BASE: Duration = Duration::from_secs(60);

/// How long the store may take to copy or put together `size` bytes: a minute, and a second for every 20 MB.
#[must_use]
pub fn deadline(size: u64) -> Duration {
    BASE + Duration::from_secs(size / PACE)
}

/// A client's settings for one request of that size.
pub(crate) fn config(size: u64) -> aws_sdk_s3::config::Builder {
    aws_sdk_s3::config::Builder::default().timeout_config(timeouts(deadline(size)))
}
