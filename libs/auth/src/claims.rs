//! The parts of a token, before anything in them is trusted.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::Invalid;

/// A token above this is not one; Keycloak's have 1 to 2 KiB.
pub(crate) const MAX_TOKEN: usize = 16 * 1024;

/// A token taken apart.
pub(crate) struct Parts<'t> {
    pub(crate) header: Header,
    /// What is signed: header and payload as they were sent.
    pub(crate) message: &'t str,
    pub(crate) signature: &'t str,
    payload: &'t str,
}

#[derive(Deserialize)]
pub(crate) struct Header {
    alg: String,
    pub(crate) kid: Option<String>,
    /// Extensions that must be understood; none is.
    crit: Option<serde_json::Value>,
}

impl Header {
    pub(crate) fn algorithm(&self) -> Result<Algorithm, Invalid> {
        match &*self.alg {
            "RS256" => Ok(Algorithm::RS256),
            "PS256" => Ok(Algorithm::PS256),
            "ES256" => Ok(Algorithm::ES256),
            "EdDSA" => Ok(Algorithm::EdDSA),
            _ => Err(Invalid::Algorithm),
        }
    }
}

impl<'t> Parts<'t> {
    pub(crate) fn split(token: &'t str) -> Result<Self, Invalid> {
        if token.len() > MAX_TOKEN {
            return Err(Invalid::Malformed);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(Invalid::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(Invalid::Malformed)?;
        if payload.contains('.') {
            return Err(Invalid::Malformed);
        }
        let header: Header = decode(header)?;
        if header.crit.is_some() {
            return Err(Invalid::Malformed);
        }
        Ok(Self { header, message, signature, payload })
    }

    /// To be called once the signature was checked.
    pub(crate) fn claims(&self) -> Result<Claims, Invalid> {
        decode(self.payload)
    }
}

fn decode<T: DeserializeOwned>(part: &str) -> Result<T, Invalid> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Invalid::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| Invalid::Malformed)
}

/// What is read of the payload.
#[derive(Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: Option<String>,
    pub(crate) aud: Option<Audience>,
    /// Seconds since 1970; providers may send fractions.
    pub(crate) exp: Option<f64>,
    pub(crate) nbf: Option<f64>,
    pub(crate) sub: Option<String>,
    /// Keycloak's kind of token: `Bearer`, `ID`, `Refresh`.
    pub(crate) typ: Option<String>,
    pub(crate) tenant: Option<String>,
    #[serde(default)]
    pub(crate) roles: Vec<String>,
    pub(crate) azp: Option<String>,
    /// What RFC 9068 calls `azp`.
    pub(crate) client_id: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) locale: Option<String>,
    pub(crate) person_ref: Option<String>,
}

impl Claims {
    /// Whether a client got the token for its own credentials. Keycloak names it twice then, and only then; RFC 9068
    /// names it always, and makes it the subject. What says neither is taken for a person's.
    pub(crate) fn calls_itself(&self) -> bool {
        let Some(client) = &self.client_id else { return false };
        self.azp.as_ref() == Some(client) || self.sub.as_ref() == Some(client)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    pub(crate) fn contains(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Many(many) => many.iter().any(|one| one == audience),
        }
    }
}
