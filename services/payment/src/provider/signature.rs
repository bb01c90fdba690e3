//! Signatures of callbacks, by what kind of provider has made them: HMAC-SHA256 over the time and the body, compared in constant time.
//! What was signed more than five minutes from now is refused, and two secrets are valid while they rotate.

pub mod standard_webhooks;
pub mod stripe;

use std::collections::BTreeMap;

use clock::Clock;

/// How far the time it was signed at may be from now, in seconds, either way.
pub const WINDOW: i64 = 300;
const PREFIX: &str = "whsec_";
/// Signatures that are looked at; two secrets need two.
const MOST_SIGNATURES: usize = 8;

/// What an account's callbacks are signed by.
#[derive(Clone, Debug)]
pub enum Secrets {
    /// As Standard Webhooks has it.
    StandardWebhooks(Vec<standard_webhooks::Secret>),
    /// As Stripe has it.
    Stripe(Vec<stripe::Secret>),
}

/// Why a text is no secret: the rule it breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoSecret(&'static str);

/// Why a signature is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// A header is missing, or cannot be read.
    #[error("the headers of the signature are not there")]
    Headers,
    /// It was signed too long ago, or in the future.
    #[error("it was not signed within five minutes")]
    Time,
    /// None of the secrets has made it over this body.
    #[error("it was signed by somebody else, or the body was changed")]
    Mismatch,
}

impl Secrets {
    /// Takes what one of the secrets has signed, now. Gives the callback's id where it is among the headers.
    ///
    /// # Errors
    /// [`Invalid`].
    pub fn verify(
        &self,
        body: &[u8],
        headers: &BTreeMap<String, String>,
        clock: &Clock,
    ) -> Result<Option<String>, Invalid> {
        match self {
            Self::StandardWebhooks(secrets) => {
                standard_webhooks::verify(secrets, body, headers, clock).map(Some)
            }
            Self::Stripe(secrets) => stripe::verify(secrets, body, headers, clock).map(|()| None),
        }
    }
}

/// Seconds since 1970, in digits alone.
fn moment(text: &str) -> Result<i64, Invalid> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or(Invalid::Headers)
}

fn is_now(at: i64, clock: &Clock) -> Result<(), Invalid> {
    let apart = clock.now().unix_timestamp().saturating_sub(at);
    if apart.saturating_abs() > WINDOW { Err(Invalid::Time) } else { Ok(()) }
}
