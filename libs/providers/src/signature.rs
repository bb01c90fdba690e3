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

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&str, &str)]) -> BTreeMap<String, String> {
        all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn at(seconds: i64) -> Clock {
        Clock::frozen(time::OffsetDateTime::from_unix_timestamp(seconds).expect("a time"))
    }

    #[test]
    fn each_kind_of_provider_is_held_to_its_own_signature() {
        // From the specification of Standard Webhooks.
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let secrets = Secrets::StandardWebhooks(vec![secret]);
        let (body, clock) = (br#"{"test": 2432232314}"#, at(1_614_265_330));
        let signed = headers(&[
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ]);
        let heard = secrets.verify(body, &signed, &clock);
        assert_eq!(heard, Ok(Some("msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned())));
        assert_eq!(secrets.verify(b"{}", &signed, &clock), Err(Invalid::Mismatch));

        let secrets = Secrets::Stripe(vec!["whsec_test_secret_0123".parse().unwrap()]);
        // By `openssl dgst -sha256 -hmac whsec_test_secret_0123` over `1796018400.{"id":"evt_1","object":"event"}`.
        let stripe = "t=1796018400,v1=6e901eb74a5c888819a704fd4031086f633daf662a29d35ca7dc29899525f4e1";
        let (body, clock) = (br#"{"id":"evt_1","object":"event"}"#, at(1_796_018_400));
        assert_eq!(secrets.verify(body, &headers(&[("stripe-signature", stripe)]), &clock), Ok(None));
        assert_eq!(secrets.verify(body, &signed, &clock), Err(Invalid::Headers));
    }

    #[test]
    fn a_moment_is_digits_alone_and_within_five_minutes_of_now() {
        assert_eq!((moment("0"), moment("1796018400")), (Ok(0), Ok(1_796_018_400)));
        for text in ["", "-1", "+1", "1.0", " 1", "99999999999999999999"] {
            assert_eq!(moment(text), Err(Invalid::Headers), "{text}");
        }
        for (apart, heard) in
            [(0, Ok(())), (WINDOW, Ok(())), (WINDOW + 1, Err(Invalid::Time)), (i64::MAX, Err(Invalid::Time))]
        {
            assert_eq!(is_now(5_000 - apart, &at(5_000)), heard);
            assert_eq!(is_now(apart.saturating_add(5_000), &at(5_000)), heard);
        }
    }
}
