//! Why a call is refused.

use serde_json::{Value, json};

use crate::provider::Provider;

/// A refusal. Its text never repeats what was sent: that may be about a person, and be logged by whoever reads it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the body is not JSON")]
    Malformed,
    #[error("the body is larger than 256 KiB, or ended early")]
    Unreadable,
    #[error("{field} {rule}")]
    Field { field: String, rule: String },
    #[error("this provider makes no such checks")]
    Kind,
    #[error("this provider does not know documents of this country")]
    Country,
    #[error("the API key of an account is needed")]
    Unauthenticated,
    #[error("there is no such {0}")]
    NotFound(&'static str),
    #[error("Idempotency-Key is missing")]
    KeyMissing,
    #[error("Idempotency-Key must be 1 to 255 visible ASCII characters")]
    KeyInvalid,
    #[error("Idempotency-Key was used for another request")]
    KeyReused,
    #[error("client_ref was used for another request")]
    ReferenceReused,
    #[error("it has had as many answers as are kept")]
    TooManyAnswers,
    #[error("the sandbox keeps no more of this; start another")]
    Full,
    #[error("the provider is out of order")]
    Outage,
    #[error("the provider failed")]
    Broken,
    #[error("as was asked for")]
    Scripted(u16),
    #[error("nothing came of it in time")]
    Late,
    #[error("the state could not be written")]
    Storage(#[from] sandbox::journal::Error),
}

impl Error {
    pub(crate) fn field(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self::Field { field: field.into(), rule: rule.into() }
    }

    /// The status, and the code that veritas and `/control` give, and kompass.
    fn codes(&self) -> (u16, &'static str, &'static str) {
        match self {
            Self::Malformed => (400, "body_malformed", "E9001"),
            Self::Unreadable => (413, "body_unreadable", "E9007"),
            Self::Field { .. } => (422, "field_invalid", "E9002"),
            Self::Kind => (422, "type_unsupported", "E9011"),
            Self::Country => (422, "country_unsupported", "E9012"),
            Self::Unauthenticated => (401, "unauthenticated", "E9003"),
            Self::NotFound(_) => (404, "not_found", "E9004"),
            Self::KeyMissing => (400, "idempotency_key_missing", "E9002"),
            Self::KeyInvalid => (400, "idempotency_key_invalid", "E9002"),
            Self::KeyReused => (422, "idempotency_key_reused", "E9005"),
            Self::ReferenceReused => (409, "reference_reused", "E9005"),
            Self::TooManyAnswers => (409, "too_many_answers", "E9006"),
            Self::Full => (503, "sandbox_full", "E9008"),
            Self::Outage => (503, "unavailable", "E9009"),
            Self::Broken | Self::Storage(_) => (500, "internal", "E9010"),
            Self::Scripted(status) => (*status, "scripted", "E9000"),
            Self::Late => (504, "late", "E9013"),
        }
    }

    pub(crate) fn status(&self) -> u16 {
        self.codes().0
    }

    /// `{"error": {"code", "message", "field"?}}`; of kompass `{"fault": {"code", "text", "field"?}}`.
    pub(crate) fn body(&self, provider: Option<Provider>) -> Value {
        let (_, code, number) = self.codes();
        let (outer, mut inner) = match provider {
            Some(Provider::Kompass) => ("fault", json!({ "code": number, "text": self.to_string() })),
            _ => ("error", json!({ "code": code, "message": self.to_string() })),
        };
        if let Self::Field { field, .. } = self {
            inner["field"] = json!(field);
        }
        json!({ outer: inner })
    }
}
