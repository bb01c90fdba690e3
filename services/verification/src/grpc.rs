//! `VerificationService`, `ReviewService` and `ProviderService`, a file each: reads requests, calls the use case, writes answers. Decides
//! nothing.

pub(crate) mod cases;
pub(crate) mod providers;
pub(crate) mod reviews;

use idempotency::Key;
use prost_types::Timestamp;
use time::OffsetDateTime;
use tonic::Request;

use crate::{Error, State};

/// The service's gRPC face. Callers were verified by the layer in front of it.
#[derive(Clone, Debug)]
pub struct Api {
    state: State,
}

impl Api {
    /// Serves `state`.
    #[must_use]
    pub fn new(state: State) -> Self {
        Self { state }
    }
}

fn key<T>(request: &Request<T>) -> Result<Key, Error> {
    Ok(Key::from_metadata(request.metadata())?)
}

/// A moment as messages carry it.
pub(crate) fn timestamp(at: OffsetDateTime) -> Timestamp {
    // Below a billion.
    Timestamp { seconds: at.unix_timestamp(), nanos: i32::try_from(at.nanosecond()).unwrap_or_default() }
}
