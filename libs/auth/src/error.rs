//! Why a call is refused.

use std::sync::Arc;

use crate::provider::FetchError;

/// Why a caller is not let in, or no token could be had.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// No `authorization: Bearer` was sent. `TOKEN_MISSING`, 401.
    #[error("a bearer token is needed in `authorization`")]
    TokenMissing,
    /// The token cannot be trusted. `TOKEN_INVALID`, 401.
    #[error("the token {0}")]
    TokenInvalid(Invalid),
    /// The token was good once. `TOKEN_EXPIRED`, 401.
    #[error("the token has expired")]
    TokenExpired,
    /// The caller is known and may not do this. `PERMISSION_DENIED`, 403.
    #[error("this operation is not permitted to the caller")]
    PermissionDenied,
    /// A service called without naming the tenant, or with a name that cannot be one. `TENANT_MISSING`, 400.
    #[error("services name the tenant in `x-tenant`: 1 to 63 of a-z, 0-9 and '-'")]
    TenantMissing,
    /// The identity provider does not answer, and nothing of it is cached. `UNAVAILABLE`, 503.
    #[error("the identity provider does not answer")]
    IssuerUnavailable(#[source] Option<Arc<FetchError>>),
    /// The settings name no client to fetch tokens for.
    #[error("no client is set to fetch tokens for")]
    NoClient,
}

/// What is wrong with a token. Texts complete "the token …" and never quote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Not three base64url parts of JSON, or larger than 16 KiB.
    #[error("is not a signed JWT")]
    Malformed,
    /// `alg` is none, symmetric or unknown, or not the key's.
    #[error("is signed by an algorithm that is not allowed")]
    Algorithm,
    /// `kid` is absent, or no key of the issuer has it.
    #[error("is signed by a key the issuer does not publish")]
    UnknownKey,
    /// The signature is not by that key over these bytes.
    #[error("has a wrong signature")]
    Signature,
    /// `iss` is another.
    #[error("is from another issuer")]
    Issuer,
    /// `aud` does not contain ours.
    #[error("is for another audience")]
    Audience,
    /// `nbf` lies ahead.
    #[error("is not valid yet")]
    NotYetValid,
    /// An ID or refresh token, not an access token.
    #[error("is not an access token")]
    Kind,
    /// A claim is absent or of the wrong form.
    #[error("has no usable claim `{0}`")]
    Claim(&'static str),
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        Self::TokenInvalid(invalid)
    }
}

impl From<Error> for rpc_error::Error {
    fn from(error: Error) -> Self {
        use rpc_error::{Code, Error as Rpc, reason};
        let message = error.to_string();
        match error {
            Error::TokenMissing => Rpc::new(Code::Unauthenticated, reason::TOKEN_MISSING, message),
            Error::TokenInvalid(_) => Rpc::new(Code::Unauthenticated, reason::TOKEN_INVALID, message),
            Error::TokenExpired => Rpc::new(Code::Unauthenticated, reason::TOKEN_EXPIRED, message),
            Error::PermissionDenied => Rpc::new(Code::PermissionDenied, reason::PERMISSION_DENIED, message),
            Error::TenantMissing => Rpc::new(Code::Malformed, reason::TENANT_MISSING, message),
            Error::IssuerUnavailable(source) => {
                let error = Rpc::new(Code::Unavailable, reason::UNAVAILABLE, message);
                match source {
                    Some(source) => error.because(source),
                    None => error,
                }
            }
            Error::NoClient => Rpc::new(Code::Internal, reason::INTERNAL, message),
        }
    }
}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        rpc_error::Error::from(error).into()
    }
}
