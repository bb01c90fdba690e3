//! What may be handed in for which purpose, how long it is kept, and what it may be read for: what a tenant's staff may
//! publish, and what is in force where they have not.

pub mod access;
pub mod period;
pub mod retention;
pub mod upload;

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use access::{AccessPolicy, AccessRules};
pub use period::Period;
pub use retention::{LockMode, RetentionClass, RetentionPolicy};
pub use upload::{ArchiveLimits, HandedInBy, MAX_BYTES, Rules, Unscannable, UploadPolicy};

/// What a document is handed in for: the name of a purpose of the upload policy, now or when it was handed in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Purpose(String);

/// Why a document is read: the name of a purpose of the access policy, now or when it was read, or `own`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccessPurpose(String);

/// The name of a class of the retention policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClassName(String);

/// The text is no name that a policy can give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a name: a letter, then up to 62 of a-z, 0-9, '_' and '-'")]
pub struct InvalidName;

macro_rules! name {
    ($type:ident) => {
        impl $type {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::try_from(text.to_owned())
            }
        }

        impl TryFrom<String> for $type {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                if is_name(&text) { Ok(Self(text)) } else { Err(InvalidName) }
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(Purpose);
name!(AccessPurpose);
name!(ClassName);

fn is_name(text: &str) -> bool {
    text.len() <= 63
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || b"_-".contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain() {
        for name in ["identity", "a", "pay-slip_2"] {
            assert_eq!(name.parse::<Purpose>().unwrap().as_str(), name);
        }
        for text in ["", "Identity", "1a", "_a", "a b", "a/b", "é", &"a".repeat(64)] {
            assert_eq!(text.parse::<Purpose>(), Err(InvalidName), "{text:?}");
            assert_eq!(text.parse::<ClassName>(), Err(InvalidName), "{text:?}");
        }
    }
}
