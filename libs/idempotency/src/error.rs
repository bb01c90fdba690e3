use std::time::Duration;

use rpc_error::{Code, reason};

/// Why a call with an idempotency key is refused before its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The call carries no key.
    #[error("the call needs an idempotency-key")]
    Missing,

    /// The key is empty, too long, not visible ASCII, or there are several.
    #[error("idempotency-key {0}")]
    Invalid(&'static str),

    /// The key came before with another request.
    #[error("the idempotency-key was used with another request")]
    Reused,

    /// The first call with the key has not ended.
    #[error("the first call with this idempotency-key is still running")]
    InFlight,
}

impl From<Error> for rpc_error::Error {
    fn from(error: Error) -> Self {
        let (code, reason) = match error {
            Error::Missing => (Code::Malformed, reason::IDEMPOTENCY_KEY_MISSING),
            Error::Invalid(_) => (Code::Malformed, reason::IDEMPOTENCY_KEY_INVALID),
            Error::Reused => (Code::InvalidArgument, reason::IDEMPOTENCY_KEY_REUSED),
            Error::InFlight => (Code::Conflict, reason::IDEMPOTENCY_KEY_IN_FLIGHT),
        };
        let refused = Self::new(code, reason, error.to_string());
        match error {
            Error::Invalid(rule) => refused.violation("idempotency-key", rule),
            // Our own transactions take milliseconds; a second is the least that `Retry-After` can say.
            Error::InFlight => refused.retry_after(Duration::from_secs(1)),
            Error::Missing | Error::Reused => refused,
        }
    }
}
