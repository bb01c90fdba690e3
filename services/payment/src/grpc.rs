//! `BillingService`, `PaymentService` and `LedgerService`, a file each: reads requests, calls the use case, writes answers. Decides
//! nothing.

pub(crate) mod bill_runs;
pub(crate) mod billing;
pub(crate) mod disputes;
pub(crate) mod ledger;
pub(crate) mod payments;
pub(crate) mod periods;
pub(crate) mod settlements;

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
