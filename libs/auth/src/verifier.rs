//! From a bearer token to an identity.

use std::sync::Arc;

use clock::Clock;
use ids::Subject;

use crate::Settings;
use crate::caller::{Identity, Token};
use crate::claims::{Claims, Parts};
use crate::error::{Error, Invalid};
use crate::keys::Keys;
use crate::provider::Provider;

/// How far clocks of issuer and service may differ, in seconds.
const LEEWAY: f64 = 30.0;

/// Verifies access tokens. Cheap to clone; clones share the cached keys.
#[derive(Clone)]
pub struct Verifier {
    keys: Keys,
    clock: Clock,
    expected: Arc<Expected>,
}

struct Expected {
    issuer: String,
    audience: String,
}

impl Verifier {
    /// Makes a verifier. The issuer is not asked before the first token or readiness check.
    #[must_use]
    pub fn new(settings: &Settings, clock: Clock) -> Self {
        let keys = Keys::new(Arc::new(Provider::new(settings)), clock.clone());
        let expected =
            Arc::new(Expected { issuer: settings.issuer.clone(), audience: settings.audience.clone() });
        Self { keys, clock, expected }
    }

    /// For `/ready`: ok while there are keys to verify with, also when the issuer has gone away since.
    ///
    /// # Errors
    /// [`Error::IssuerUnavailable`] when no keys were ever fetched.
    pub async fn ready(&self) -> Result<(), Error> {
        self.keys.ready().await
    }

    /// Checks algorithm, key, signature, issuer, audience and times, in this order.
    ///
    /// # Errors
    /// `TOKEN_INVALID`, `TOKEN_EXPIRED`, or `UNAVAILABLE` when no keys could ever be fetched.
    pub async fn verify(&self, token: &str) -> Result<Identity, Error> {
        let parts = Parts::split(token)?;
        let algorithm = parts.header.algorithm()?;
        let kid = parts.header.kid.as_deref().ok_or(Invalid::UnknownKey)?;
        let key = self.keys.get(kid).await?;
        key.verify(algorithm, parts.message.as_bytes(), parts.signature)?;
        self.identity(parts.claims()?, Token::parse(token)?)
    }

    fn identity(&self, claims: Claims, token: Token) -> Result<Identity, Error> {
        if claims.iss.as_deref() != Some(&*self.expected.issuer) {
            return Err(Invalid::Issuer.into());
        }
        if !claims.aud.as_ref().is_some_and(|aud| aud.contains(&self.expected.audience)) {
            return Err(Invalid::Audience.into());
        }
        let expires_at = self.check_times(&claims)?;
        if claims.typ.as_deref().is_some_and(|typ| !typ.eq_ignore_ascii_case("bearer")) {
            return Err(Invalid::Kind.into());
        }
        let subject: Option<Subject> = claims.sub.as_deref().and_then(|sub| sub.parse().ok());
        // What an office calls people nobody signs in as.
        let subject = subject.filter(|subject| !subject.is_person()).ok_or(Invalid::Claim("sub"))?;
        let person = claims.person_ref.as_deref().map(Subject::of_person).transpose();
        let person = person.map_err(|_| Invalid::Claim("person_ref"))?;
        let calls_itself = claims.calls_itself();
        let tenant = claims
            .tenant
            .map(|tenant| tenant.parse().map_err(|_: ids::Error| Invalid::Claim("tenant")))
            .transpose()?;
        Ok(Identity {
            subject,
            tenant,
            roles: Identity::roles(&claims.roles),
            client_id: claims.azp.or(claims.client_id).unwrap_or_default(),
            calls_itself,
            email: claims.email,
            locale: claims.locale,
            person,
            expires_at,
            token,
        })
    }

    fn check_times(&self, claims: &Claims) -> Result<i64, Error> {
        let now = self.clock.now().unix_timestamp_nanos();
        #[expect(clippy::cast_precision_loss, reason = "half a microsecond at today's date")]
        let now = now as f64 / 1e9;
        let exp = claims.exp.filter(|exp| exp.is_finite()).ok_or(Invalid::Claim("exp"))?;
        if exp + LEEWAY <= now {
            return Err(Error::TokenExpired);
        }
        if claims.nbf.is_some_and(|nbf| nbf - LEEWAY > now) {
            return Err(Invalid::NotYetValid.into());
        }
        #[expect(clippy::cast_possible_truncation, reason = "whole seconds are meant; the cast saturates")]
        Ok(exp as i64)
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("issuer", &self.expected.issuer).finish_non_exhaustive()
    }
}
