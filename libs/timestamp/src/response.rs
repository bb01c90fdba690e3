//! What an authority answers.

use der::{Decode as _, Encode as _};

use super::asn1::{FAILURES, Response};

/// The answer holds no token.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It is no answer of RFC 3161 in DER.
    #[error("the answer is not a TimeStampResp")]
    Malformed(#[source] der::Error),
    /// The authority said no.
    #[error("the authority answered {status} {failures:?} {text:?}")]
    Rejected {
        /// `rejection`, `waiting`, or what else RFC 3161 has.
        status: &'static str,
        /// Names of `PKIFailureInfo`, for example `badAlg`; `bit N` where it has none.
        failures: Vec<String>,
        /// In the authority's words, up to 200 characters.
        text: String,
    },
    /// It said yes and sent none.
    #[error("the authority granted a time-stamp and sent none")]
    NoToken,
}

impl Refusal {
    /// Whether the authority may answer otherwise in a while.
    pub(crate) fn is_transient(&self) -> bool {
        let Self::Rejected { failures, .. } = self else { return false };
        failures.iter().any(|failure| matches!(failure.as_str(), "timeNotAvailable" | "systemFailure"))
    }
}

const TEXT_CHARS: usize = 200;
/// No failure has a higher bit in any RFC.
const BITS: usize = 32;

/// The token of an answer, as it was sent.
pub(crate) fn token(answer: &[u8]) -> Result<Vec<u8>, Refusal> {
    let Response { status, token } = Response::from_der(answer).map_err(Refusal::Malformed)?;
    let name = match status.status {
        0 | 1 => return token.ok_or(Refusal::NoToken)?.to_der().map_err(Refusal::Malformed),
        2 => "rejection",
        3 => "waiting",
        4 => "revocationWarning",
        5 => "revocationNotification",
        _ => "a status that is not known",
    };
    let bits = status.failures.iter().flat_map(|failures| failures.bits().enumerate());
    let failures = bits.take(BITS).filter(|(_, is_set)| *is_set).map(|(bit, _)| failure(bit)).collect();
    let text = status.text.unwrap_or_default().join("; ").chars().take(TEXT_CHARS).collect();
    Err(Refusal::Rejected { status: name, failures, text })
}

fn failure(bit: usize) -> String {
    let known = FAILURES.iter().find(|(known, _)| *known == bit);
    known.map_or_else(|| format!("bit {bit}"), |(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use der::asn1::BitString;

    use super::super::asn1::Status;
    use super::*;

    fn answer(status: u8, failures: Option<BitString>) -> Refusal {
        let text = Some(vec!["not".to_owned(), "today".to_owned()]);
        let response = Response { status: Status { status, text, failures }, token: None };
        token(&response.to_der().unwrap()).unwrap_err()
    }

    #[test]
    fn a_refusal_is_told_by_its_names() {
        let refusal = answer(2, Some(BitString::new(5, vec![0x84, 0b0000_0010, 0xa0]).unwrap()));
        assert!(refusal.is_transient(), "the time may be there again");
        assert_eq!(
            refusal.to_string(),
            r#"the authority answered rejection ["badAlg", "badDataFormat", "timeNotAvailable", "unacceptedExtension", "bit 18"] "not; today""#
        );
        assert!(!answer(3, None).is_transient());
        assert_eq!(answer(3, None).to_string(), r#"the authority answered waiting [] "not; today""#);
        assert!(matches!(answer(0, None), Refusal::NoToken));
        assert!(matches!(token(b"<html>").unwrap_err(), Refusal::Malformed(_)));
    }
}
