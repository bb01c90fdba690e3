//! References of cases, as the office numbers them.

use std::fmt;
use std::str::FromStr;

/// A case's reference: 1 to 64 of A-Z, a-z, 0-9, `.`, `_` and `-`. It names no person, so events may carry it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseRef(String);

/// The text is no reference of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'")]
pub struct Error;

const MAX_BYTES: usize = 64;

impl CaseRef {
    /// The reference as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CaseRef {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if plain && (1..=MAX_BYTES).contains(&text.len()) { Ok(Self(text.to_owned())) } else { Err(Error) }
    }
}

impl fmt::Display for CaseRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_short_and_plain() {
        let longest = "c".repeat(64);
        for text in ["2026-0417", "A.1_b", longest.as_str()] {
            assert_eq!(text.parse::<CaseRef>().expect(text).as_str(), text);
        }
        let too_long = "c".repeat(65);
        for text in ["", " ", "a b", "a/b", "é", "a\n", "Ada Lovelace", too_long.as_str()] {
            assert_eq!(text.parse::<CaseRef>(), Err(Error), "{text:?}");
        }
    }
}
