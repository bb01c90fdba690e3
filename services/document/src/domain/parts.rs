//! Files that are too large for one request.

use super::{FileSize, Sha256, sha256};

/// The largest file that is sent by one request, in bytes.
pub const WHOLE_AT_MOST: i64 = 64 * 1024 * 1024;

/// Size of every part but the last, in bytes.
pub const PART_SIZE: i64 = 16 * 1024 * 1024;

/// How many parts one call asks to be signed at the most.
pub const SIGNED_AT_ONCE: usize = 100;

/// The parts of a file that is sent in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts(i64);

/// A part, and the bytes it is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Its place, from 1.
    pub number: i32,
    /// The SHA-256 of its bytes.
    pub sha256: Sha256,
}

/// Why parts are not signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// None, or too many.
    #[error("must be 1 to {SIGNED_AT_ONCE} parts")]
    Number,
    /// The file has no such part.
    #[error("must be 1 to {0}")]
    OutOfRange(i32),
    /// A part comes twice.
    #[error("must be named once")]
    Twice,
    /// The digest is not a SHA-256.
    #[error(transparent)]
    Digest(#[from] sha256::Error),
}

impl Invalid {
    /// The request's field that breaks the rule.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::Number => "parts",
            Self::OutOfRange(_) | Self::Twice => "parts.number",
            Self::Digest(_) => "parts.sha256",
        }
    }
}

impl Parts {
    /// The parts of a file of that size; `None` for one that is sent by one request.
    #[must_use]
    pub fn of(size: FileSize) -> Option<Self> {
        (size.bytes() > WHOLE_AT_MOST).then_some(Self(size.bytes()))
    }

    /// How many there are.
    #[must_use]
    pub fn count(self) -> i32 {
        i32::try_from((self.0 + PART_SIZE - 1) / PART_SIZE).unwrap_or(i32::MAX)
    }

    /// How many bytes a part has; `None` where there is no such part.
    #[must_use]
    pub fn size(self, number: i32) -> Option<i64> {
        let before = i64::from(number.checked_sub(1)?).checked_mul(PART_SIZE)?;
        (number >= 1 && before < self.0).then(|| (self.0 - before).min(PART_SIZE))
    }

    /// How many parts are not among those that have arrived, given by number and size.
    #[must_use]
    pub fn missing(self, arrived: impl Fn(i32, i64) -> bool) -> i32 {
        let missing = |number: &i32| !self.size(*number).is_some_and(|size| arrived(*number, size));
        let missing = (1..=self.count()).filter(missing).count();
        i32::try_from(missing).unwrap_or(i32::MAX)
    }

    /// Checks which parts are to be signed.
    pub fn parse<'a>(self, asked: impl Iterator<Item = (i32, &'a [u8])>) -> Result<Vec<Part>, Invalid> {
        let mut parts: Vec<Part> = Vec::new();
        for (number, sha256) in asked {
            if parts.len() == SIGNED_AT_ONCE {
                return Err(Invalid::Number);
            }
            if self.size(number).is_none() {
                return Err(Invalid::OutOfRange(self.count()));
            }
            if parts.iter().any(|part| part.number == number) {
                return Err(Invalid::Twice);
            }
            parts.push(Part { number, sha256: Sha256::try_from(sha256)? });
        }
        if parts.is_empty() { Err(Invalid::Number) } else { Ok(parts) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(size: i64) -> Option<Parts> {
        Parts::of(FileSize::new(size).expect("a size"))
    }

    #[test]
    fn what_one_request_can_send_has_no_parts() {
        assert_eq!(parts(1), None);
        assert_eq!(parts(WHOLE_AT_MOST), None);
        let smallest = parts(WHOLE_AT_MOST + 1).expect("in parts");
        let sizes: Vec<_> = (0..=6).map(|number| smallest.size(number)).collect();
        let full = Some(PART_SIZE);
        assert_eq!(sizes, [None, full, full, full, full, Some(1), None]);
        assert_eq!(smallest.size(i32::MIN), None);
    }

    #[test]
    fn the_parts_are_the_file() {
        for size in [WHOLE_AT_MOST + 1, 5 * PART_SIZE, 5 * PART_SIZE + 1, 5_000_000_000] {
            let parts = parts(size).expect("in parts");
            let all = (1..=parts.count()).filter_map(|number| parts.size(number));
            assert_eq!(all.sum::<i64>(), size);
            assert_eq!(parts.size(parts.count() + 1), None);
        }
        assert_eq!(parts(5_000_000_000).map(Parts::count), Some(299));
    }

    #[test]
    fn a_part_of_another_size_has_not_arrived() {
        let parts = parts(WHOLE_AT_MOST + 1).expect("in parts");
        assert_eq!(parts.missing(|_, _| true), 0);
        assert_eq!(parts.missing(|number, _| number != 3), 1);
        assert_eq!(parts.missing(|_, size| size == PART_SIZE), 1);
        assert_eq!(parts.missing(|_, _| false), 5);
    }

    #[test]
    fn only_parts_that_the_file_has_are_signed_and_each_once() {
        let parts = parts(200 * PART_SIZE).expect("in parts");
        let parse = |numbers: &[i32], digest: &[u8]| {
            parts.parse(numbers.iter().map(|number| (*number, digest))).map(|parts| parts.len())
        };
        let hundred: Vec<i32> = (1..=100).collect();
        assert_eq!(parse(&hundred, &[1; 32]), Ok(100));
        let more: Vec<i32> = (1..=101).collect();
        assert_eq!(parse(&more, &[1; 32]), Err(Invalid::Number));
        assert_eq!(parse(&[], &[1; 32]), Err(Invalid::Number));
        assert_eq!(parse(&[0], &[1; 32]), Err(Invalid::OutOfRange(200)));
        assert_eq!(parse(&[201], &[1; 32]), Err(Invalid::OutOfRange(200)));
        assert_eq!(parse(&[2, 2], &[1; 32]), Err(Invalid::Twice));
        assert_eq!(parse(&[2], &[1; 31]), Err(Invalid::Digest(sha256::Error)));
    }
}
