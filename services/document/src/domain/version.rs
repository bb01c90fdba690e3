//! Numbers of a document's versions.

use std::fmt;

/// Which version of a document: 1 to [`Version::LAST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(i32);

/// No version of any document has this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 100")]
pub struct OutOfRange;

impl Version {
    /// What was declared first.
    pub const FIRST: Self = Self(1);
    /// The last that a document can have.
    pub const LAST: Self = Self(100);

    /// Its number, from 1.
    #[must_use]
    pub fn number(self) -> i32 {
        self.0
    }

    /// The version after this one; `None` after [`Version::LAST`].
    #[must_use]
    pub fn next(self) -> Option<Self> {
        (self < Self::LAST).then_some(Self(self.0 + 1))
    }
}

impl TryFrom<i32> for Version {
    type Error = OutOfRange;

    fn try_from(number: i32) -> Result<Self, OutOfRange> {
        let version = Self(number);
        if (Self::FIRST..=Self::LAST).contains(&version) { Ok(version) } else { Err(OutOfRange) }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_from_one_to_a_hundred() {
        for number in [i32::MIN, -1, 0, 101, i32::MAX] {
            assert_eq!(Version::try_from(number), Err(OutOfRange));
        }
        let mut version = Version::FIRST;
        for number in 1..100 {
            assert_eq!((version.number(), Version::try_from(number)), (number, Ok(version)));
            version = version.next().expect("one more");
        }
        assert_eq!((version, version.next()), (Version::LAST, None));
    }
}
