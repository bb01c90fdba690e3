//! What may be handed in for which purpose.

use std::fmt;
use std::str::FromStr;

use super::MediaType;

/// What a document is handed in for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Who somebody is: passport, identity card.
    Identity,
    /// Where somebody lives: utility bill, tenancy agreement.
    Address,
    /// What somebody earns: pay slips, bank exports.
    Income,
    /// What somebody declares in their own words.
    Statement,
}

/// The text names no purpose of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of identity, address, income, statement")]
pub struct Unknown;

const MIB: i64 = 1024 * 1024;

impl Purpose {
    /// Every purpose of the policy.
    pub const ALL: [Self; 4] = [Self::Identity, Self::Address, Self::Income, Self::Statement];

    /// The purpose's name in requests, events and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Address => "address",
            Self::Income => "income",
            Self::Statement => "statement",
        }
    }

    /// Largest file in bytes.
    #[must_use]
    pub fn max_bytes(self) -> i64 {
        match self {
            Self::Identity | Self::Address => 20 * MIB,
            Self::Income => 50 * MIB,
            Self::Statement => 10 * MIB,
        }
    }

    /// Media types that are accepted.
    #[must_use]
    pub fn media_types(self) -> &'static [&'static str] {
        match self {
            Self::Identity | Self::Address => &["application/pdf", "image/png", "image/jpeg"],
            Self::Income => &["application/pdf", "image/png", "image/jpeg", "text/csv", "text/plain"],
            Self::Statement => &["application/pdf", "text/plain"],
        }
    }

    /// Whether a file of this media type is accepted.
    #[must_use]
    pub fn allows(self, media_type: &MediaType) -> bool {
        self.media_types().contains(&media_type.as_str())
    }
}

impl FromStr for Purpose {
    type Err = Unknown;

    fn from_str(text: &str) -> Result<Self, Unknown> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text).ok_or(Unknown)
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_purpose_is_found_by_its_name() {
        for purpose in Purpose::ALL {
            assert_eq!(purpose.as_str().parse(), Ok(purpose));
            assert!(Unknown.to_string().contains(purpose.as_str()));
        }
        assert_eq!("Identity".parse::<Purpose>(), Err(Unknown));
        assert_eq!("".parse::<Purpose>(), Err(Unknown));
    }

    #[test]
    fn every_allowed_type_is_a_media_type() {
        for purpose in Purpose::ALL {
            for text in purpose.media_types() {
                assert!(purpose.allows(&text.parse().expect(text)), "{purpose} {text}");
            }
            assert!(!purpose.allows(&"text/html".parse().expect("a media type")));
        }
    }
}
