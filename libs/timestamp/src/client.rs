//! Asks an authority for a time-stamp.

use std::time::Duration;

use backoff::Backoff;
use clock::Clock;
use der::asn1::{Int, OctetString, Uint};
use der::{Encode as _, asn1::ObjectIdentifier};
use http::{StatusCode, header};
use reqwest::redirect::Policy;
use time::OffsetDateTime;
use tokio::time::Instant;
use url::Url;

use crate::asn1::{Imprint, Request, sha_256};
use crate::token::{MAX_BYTES, Token};
use crate::{Invalid, Refusal, Settings, Stamp, response};

const QUERY: &str = "application/timestamp-query";
const REPLY: &str = "application/timestamp-reply";
/// An attempt may take a part of the time there is, so that one that hangs is not the only one.
const ATTEMPTS: u32 = 3;
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// How far an authority's clock may be from ours.
const TOLERANCE: time::Duration = time::Duration::minutes(5);

/// A time-stamp was not got.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The HTTP client could not be made, for example without root certificates.
    #[error("cannot make an HTTP client")]
    Client(#[source] reqwest::Error),
    /// The request could not be written.
    #[error("cannot write a TimeStampReq")]
    Request(#[source] der::Error),
    /// Not reached, or no answer in time.
    #[error("{0} cannot be reached")]
    Unreachable(Url, #[source] reqwest::Error),
    /// Answered with another status than 200.
    #[error("{0} answered {1}")]
    Status(Url, u16),
    /// The answer is of another media type.
    #[error("{0} answered with {1:?} instead of {REPLY}")]
    ContentType(Url, String),
    /// The answer is larger than 64 KiB.
    #[error("{0} answered with too large a body")]
    TooLarge(Url),
    /// The answer holds no token.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The token does not hold.
    #[error("the token does not hold")]
    Invalid(#[from] Invalid),
    /// The token is of another request.
    #[error("the token has another nonce")]
    Nonce,
    /// The token is of another policy than the one that was asked for.
    #[error("the token is of policy {0}")]
    Policy(String),
    /// The token's time is more than five minutes from ours.
    #[error("the token is of {at}, and it is {now}")]
    Time {
        /// The token's.
        at: OffsetDateTime,
        /// Ours.
        now: OffsetDateTime,
    },
}

impl Error {
    /// Whether it may go well in a while; if not, somebody has to look at the authority or at the settings.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(..) => true,
            Self::Status(_, status) => matches!(status, 408 | 429 | 500 | 502..=504),
            Self::Refused(refusal) => refusal.is_transient(),
            Self::Client(_)
            | Self::Request(_)
            | Self::ContentType(..)
            | Self::TooLarge(_)
            | Self::Invalid(_)
            | Self::Nonce
            | Self::Policy(_)
            | Self::Time { .. } => false,
        }
    }
}

/// A time-stamp that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamped {
    /// The token, a CMS `ContentInfo` in DER: what is kept, and what [`crate::verify`] takes.
    pub token: Vec<u8>,
    /// What it says.
    pub stamp: Stamp,
}

/// A client of one authority. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tsa {
    http: reqwest::Client,
    settings: Settings,
    clock: Clock,
}

impl Tsa {
    /// A client; asks nothing yet.
    ///
    /// # Errors
    /// [`Error::Client`].
    pub fn new(settings: Settings, clock: Clock) -> Result<Self, Error> {
        let http = reqwest::Client::builder().redirect(Policy::none()).pool_max_idle_per_host(1);
        Ok(Self { http: http.build().map_err(Error::Client)?, settings, clock })
    }

    /// Has the SHA-256 of something stamped, within the deadline of the settings: what may go well in a while is tried
    /// again.
    ///
    /// # Errors
    /// Of the last attempt.
    pub async fn stamp(&self, digest: &[u8; 32]) -> Result<Stamped, Error> {
        let deadline = Instant::now() + self.settings.deadline;
        let mut backoff = Backoff::up_to(LONGEST_WAIT);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let error = match self.ask(digest, left.min(self.settings.deadline / ATTEMPTS)).await {
                Ok(stamped) => return Ok(stamped),
                Err(error) => error,
            };
            let again = Instant::now() + backoff.fail();
            if !error.is_transient() || again >= deadline {
                return Err(error);
            }
            tokio::time::sleep_until(again).await;
        }
    }

    async fn ask(&self, digest: &[u8; 32], within: Duration) -> Result<Stamped, Error> {
        let nonce = rand::random::<u64>().max(1);
        let nonce = Uint::new(&nonce.to_be_bytes()).map(Int::from).map_err(Error::Request)?;
        let policy = self.settings.policy;
        let request = request(digest, policy, nonce.clone()).map_err(Error::Request)?;
        let answer = self.post(request, within).await?;
        let bytes = response::token(&answer)?;
        let token = Token::read(&bytes)?;
        let stamp = token.verify(digest, &self.settings.trusted)?;
        if token.info.nonce != Some(nonce) {
            return Err(Error::Nonce);
        }
        if policy.is_some_and(|policy| policy != token.info.policy) {
            return Err(Error::Policy(stamp.policy));
        }
        let now = self.clock.now();
        if (stamp.at - now).abs() > TOLERANCE {
            return Err(Error::Time { at: stamp.at, now });
        }
        Ok(Stamped { token: bytes, stamp })
    }

    async fn post(&self, request: Vec<u8>, within: Duration) -> Result<Vec<u8>, Error> {
        let url = &self.settings.url;
        let unreachable = |source: reqwest::Error| Error::Unreachable(url.clone(), source.without_url());
        let post =
            self.http.post(url.clone()).header(header::CONTENT_TYPE, QUERY).header(header::ACCEPT, REPLY);
        let mut answer = post.body(request).timeout(within).send().await.map_err(unreachable)?;
        if answer.status() != StatusCode::OK {
            return Err(Error::Status(url.clone(), answer.status().as_u16()));
        }
        let media_type = answer.headers().get(header::CONTENT_TYPE).map(|value| value.to_str());
        let media_type = media_type.and_then(Result::ok).unwrap_or_default();
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case(REPLY) {
            return Err(Error::ContentType(url.clone(), essence.chars().take(100).collect()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(Error::TooLarge(url.clone()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

fn request(digest: &[u8; 32], policy: Option<ObjectIdentifier>, nonce: Int) -> der::Result<Vec<u8>> {
    let imprint = Imprint { algorithm: sha_256(), digest: OctetString::new(digest.as_slice())? };
    let nonce = Some(nonce);
    Request { version: 1, imprint, policy, nonce, certificates: true, extensions: None }.to_der()
}
