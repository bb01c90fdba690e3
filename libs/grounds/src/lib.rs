#![doc = include_str!("../README.md")]

use std::fmt;
use std::str::FromStr;

use rpc_error::{Code, reason};

/// A reason that a person wrote: 1 to 1,000 bytes, not blank, no control characters.
#[derive(Clone, PartialEq, Eq)]
pub struct Grounds(String);

/// The text cannot be a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 1000 bytes, not blank, without control characters")]
pub struct Error;

const MAX_BYTES: usize = 1_000;

impl Grounds {
    /// The reason as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Grounds {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let told = !text.trim().is_empty() && text.len() <= MAX_BYTES && !text.contains(char::is_control);
        if told { Ok(Self(text.to_owned())) } else { Err(Error) }
    }
}

impl From<Error> for rpc_error::Error {
    fn from(rule: Error) -> Self {
        Self::new(Code::InvalidArgument, reason::REASON_INVALID, "the reason cannot be used")
            .violation("reason", rule.to_string())
    }
}

impl fmt::Debug for Grounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Grounds(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_says_something() {
        assert!("Court order 4/26, Ada Lovelace".parse::<Grounds>().is_ok());
        let too_long = "x".repeat(1_001);
        for text in ["", "  ", "a\0", "a\nb", too_long.as_str()] {
            assert_eq!(text.parse::<Grounds>().err(), Some(Error), "{text:?}");
        }
        assert_eq!(format!("{:?}", "secret".parse::<Grounds>()), "Ok(Grounds(..))");
    }
}
