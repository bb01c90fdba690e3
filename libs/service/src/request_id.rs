//! The id that a request is called by in logs, answers and calls made for it.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};

/// Header and gRPC metadata that carries it.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

const MAX: usize = 128;

/// An id of a request: the caller's where it is sane, else a new one.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// Takes the caller's id, 1 to 128 of `A-Z a-z 0-9 - _ .`, or makes one: it ends up in logs and headers.
    #[must_use]
    pub fn accept(headers: &HeaderMap) -> Self {
        let sent = headers.get(HEADER).and_then(|value| value.to_str().ok());
        sent.and_then(Self::parse).unwrap_or_else(Self::new)
    }

    /// Takes an id that came some other way, for example with a job.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let sane = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        ((1..=MAX).contains(&text.len()) && text.bytes().all(sane)).then(|| Self(text.into()))
    }

    /// Makes one: 128 random bits in hexadecimal.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "two of them are never equal, as defaults would be")]
    pub fn new() -> Self {
        Self(format!("{:032x}", rand::random::<u128>()).into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The header's value.
    #[must_use]
    pub fn header_value(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sane_id_is_taken_and_any_other_replaced() {
        let accept = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, HeaderValue::from_bytes(value).unwrap());
            RequestId::accept(&headers)
        };
        for sane in ["a", "0195d2c0-77aa-7000-8000-000000000000", "AZ_az.09", &"x".repeat(128)] {
            assert_eq!(accept(sane.as_bytes()).as_str(), sane);
        }
        for odd in [&b""[..], b"a b", b"a\"b", b"{\"a\":1}", b"\xc3\xa9", "x".repeat(129).as_bytes()] {
            let made = accept(odd);
            assert_eq!(made.as_str().len(), 32);
            assert_ne!(made.as_str().as_bytes(), odd);
        }
        assert_ne!(RequestId::accept(&HeaderMap::new()), RequestId::accept(&HeaderMap::new()));
    }
}
