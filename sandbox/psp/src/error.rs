//! Why a call is refused.

use serde_json::{Value, json};

/// A refusal, as the API tells it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the body is not JSON")]
    Malformed,
    #[error("{field} {rule}")]
    Field { field: String, rule: String },
    #[error("a Bearer API key of an account is needed")]
    Unauthenticated,
    #[error("there is no such {0}")]
    NotFound(&'static str),
    #[error("Idempotency-Key is missing")]
    KeyMissing,
    #[error("Idempotency-Key must be 1 to 255 visible ASCII characters")]
    KeyInvalid,
    #[error("Idempotency-Key was used for another request")]
    KeyReused,
    #[error("not possible while the {of} is {state}")]
    State { of: &'static str, state: &'static str },
    #[error("more than the {available} that there are")]
    AboveAvailable { available: i64 },
    #[error("this card is none of the sandbox's")]
    CardUnknown,
    #[error("the file of this day is not ready")]
    SettlementOpen,
    #[error("the sandbox keeps no more of this; start another")]
    Full,
    #[error("the provider is out of order")]
    Outage,
    #[error("nothing came of it in time")]
    Late,
    #[error("the state could not be written")]
    Storage(#[from] sandbox::journal::Error),
}

impl Error {
    pub(crate) fn field(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self::Field { field: field.into(), rule: rule.into() }
    }

    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Malformed | Self::KeyMissing | Self::KeyInvalid => 400,
            Self::Unauthenticated => 401,
            Self::NotFound(_) | Self::SettlementOpen => 404,
            Self::State { .. } => 409,
            Self::Field { .. } | Self::KeyReused | Self::AboveAvailable { .. } | Self::CardUnknown => 422,
            Self::Storage(_) => 500,
            Self::Full | Self::Outage => 503,
            Self::Late => 504,
        }
    }

    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "body_malformed",
            Self::Field { .. } => "field_invalid",
            Self::Unauthenticated => "unauthenticated",
            Self::NotFound(_) => "not_found",
            Self::KeyMissing => "idempotency_key_missing",
            Self::KeyInvalid => "idempotency_key_invalid",
            Self::KeyReused => "idempotency_key_reused",
            Self::State { .. } => "state",
            Self::AboveAvailable { .. } => "amount_above_available",
            Self::CardUnknown => "card_unknown",
            Self::SettlementOpen => "settlement_open",
            Self::Full => "sandbox_full",
            Self::Outage => "unavailable",
            Self::Late => "late",
            Self::Storage(_) => "internal",
        }
    }

    /// `{"error": {"code", "message", …}}`.
    pub(crate) fn body(&self) -> Value {
        let mut error = json!({ "code": self.code(), "message": self.to_string() });
        match self {
            Self::Field { field, .. } => error["field"] = json!(field),
            Self::State { state, .. } => error["state"] = json!(state),
            Self::AboveAvailable { available } => error["available"] = json!(available),
            _ => {}
        }
        json!({ "error": error })
    }
}
