//! What an account at a provider is called here.

use std::fmt;
use std::str::FromStr;

/// 1 to 64 of A-Z, a-z, 0-9, `_` and `-`: a part of the address that the provider calls.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct AccountName(String);

/// The text cannot be an account's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 of A-Z, a-z, 0-9, '_' and '-'")]
pub struct NoAccountName;

impl AccountName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountName {
    type Err = NoAccountName;

    fn from_str(text: &str) -> Result<Self, NoAccountName> {
        let right = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if right && (1..=64).contains(&text.len()) { Ok(Self(text.to_owned())) } else { Err(NoAccountName) }
    }
}

impl TryFrom<String> for AccountName {
    type Error = NoAccountName;

    fn try_from(text: String) -> Result<Self, NoAccountName> {
        text.parse()
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_was_written_and_keeps_to_its_rule() {
        let long = "a".repeat(64);
        for text in ["a", "acct_town-1", "A_Z", &long] {
            let name: AccountName = text.parse().unwrap();
            assert_eq!((name.as_str(), name.to_string().as_str()), (text, text));
        }
        let longer = "a".repeat(65);
        for text in ["", "a b", "a/b", "é", &longer] {
            assert_eq!(text.parse::<AccountName>(), Err(NoAccountName), "{text}");
        }
    }
}
