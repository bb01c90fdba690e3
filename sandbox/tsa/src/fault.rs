//! The ways in which an authority misbehaves.

use std::time::Duration;

use timestamp::asn1::FAILURES;

/// How a request is answered otherwise than it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A rejection with this bit of `PKIFailureInfo`.
    Reject(usize),
    /// 503 so many times.
    Unavailable(usize),
    /// After so long.
    Slow(Duration),
    /// No answer of RFC 3161.
    Garbage,
    /// More than anybody reads.
    Oversize,
    /// Another media type.
    WrongType,
    /// Granted without a token.
    NoToken,
    /// A token that is not as it should be.
    Token(TokenFault),
}

/// What is wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenFault {
    /// Of another request.
    Nonce,
    /// Of other data.
    Imprint,
    /// Under another policy.
    Policy,
    /// Ten minutes ago.
    Time,
    /// The signature is over something else.
    Signature,
    /// What is signed is about other content.
    Digest,
    /// What is signed names another certificate.
    Certificate,
    /// The certificate is not for time-stamps.
    Purpose,
    /// The certificate ended yesterday.
    Expired,
    /// The certificate is of an unknown authority.
    Stranger,
}

impl Fault {
    /// By the path of a request; `None` where there is none of this name.
    pub(crate) fn named(name: &str, with: Option<&str>) -> Option<Self> {
        let number = || with.and_then(|with| with.parse().ok());
        let fault = match name {
            "reject" => {
                let (bit, _) = FAILURES.iter().find(|(_, failure)| Some(*failure) == with)?;
                return Some(Self::Reject(*bit));
            }
            "unavailable" => return number().map(|n: u32| Self::Unavailable(n as usize)),
            "slow" => return number().map(|n: u32| Self::Slow(Duration::from_millis(n.into()))),
            "garbage" => Self::Garbage,
            "oversize" => Self::Oversize,
            "wrong-type" => Self::WrongType,
            "no-token" => Self::NoToken,
            "wrong-nonce" => Self::Token(TokenFault::Nonce),
            "wrong-imprint" => Self::Token(TokenFault::Imprint),
            "wrong-policy" => Self::Token(TokenFault::Policy),
            "wrong-time" => Self::Token(TokenFault::Time),
            "wrong-signature" => Self::Token(TokenFault::Signature),
            "wrong-digest" => Self::Token(TokenFault::Digest),
            "wrong-certificate" => Self::Token(TokenFault::Certificate),
            "wrong-purpose" => Self::Token(TokenFault::Purpose),
            "expired" => Self::Token(TokenFault::Expired),
            "stranger" => Self::Token(TokenFault::Stranger),
            _ => return None,
        };
        with.is_none().then_some(fault)
    }
}
