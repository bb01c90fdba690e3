//! Names that citizens give their files.

use std::fmt;
use std::str::FromStr;

/// The name of a file, safe to show, to log and to put into a `content-disposition` header.
///
/// 1 to 255 bytes of UTF-8; never a path, never blank, nothing invisible that changes how it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName(String);

/// A name as it is kept: sealed for the owner of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedName(Vec<u8>);

/// Longest name in bytes, the limit of the common file systems.
pub const MAX_BYTES: usize = 255;

/// Why a text cannot be the name of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Empty, or nothing but white space.
    #[error("must not be blank")]
    Blank,
    /// Longer than [`MAX_BYTES`].
    #[error("must be at most 255 bytes")]
    TooLong,
    /// `/` or `\`, or one of the names `.` and `..`.
    #[error("must be a name, not a path")]
    Path,
    /// A control character, or a line or paragraph separator.
    #[error("must not contain control characters")]
    Control,
    /// A character that turns the direction of writing, by which `fdp.exe` reads as `exe.pdf`.
    #[error("must not contain characters that change the direction of writing")]
    Bidi,
}

impl FileName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SealedName {
    /// What sealing a name has made.
    #[must_use]
    pub fn new(sealed: Vec<u8>) -> Self {
        Self(sealed)
    }

    /// What can be opened.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for FileName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        if name.trim().is_empty() {
            return Err(Error::Blank);
        }
        if name.len() > MAX_BYTES {
            return Err(Error::TooLong);
        }
        if name.contains(['/', '\\']) || name == "." || name == ".." {
            return Err(Error::Path);
        }
        if name.contains(is_control) {
            return Err(Error::Control);
        }
        if name.contains(is_bidi) {
            return Err(Error::Bidi);
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

fn is_bidi(c: char) -> bool {
    matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(name: &str) -> Result<FileName, Error> {
        name.parse()
    }

    #[test]
    fn names_people_use_are_kept_as_they_are() {
        for name in
            ["passport.pdf", "Čeština – výpis (2).pdf", "报告.pdf", "a..b.pdf", "...", "שלום.pdf", "👩‍👧.png"]
        {
            assert_eq!(parse(name).expect(name).as_str(), name);
        }
    }

    #[test]
    fn each_rule_has_its_own_answer() {
        for (name, error) in [
            ("", Error::Blank),
            (" \t ", Error::Blank),
            ("../../etc/passwd", Error::Path),
            ("a/b.pdf", Error::Path),
            ("C:\\b.pdf", Error::Path),
            ("..", Error::Path),
            (".", Error::Path),
            ("a\0.pdf", Error::Control),
            ("a\r\nset-cookie: b.pdf", Error::Control),
            ("a\u{7f}.pdf", Error::Control),
            ("a\u{85}.pdf", Error::Control),
            ("a\u{2028}.pdf", Error::Control),
            ("a\u{202e}fdp.exe", Error::Bidi),
            ("a\u{2066}b.pdf", Error::Bidi),
        ] {
            assert_eq!(parse(name), Err(error), "{name:?}");
        }
    }

    #[test]
    fn the_limit_counts_bytes_not_characters() {
        assert!(parse(&"a".repeat(255)).is_ok());
        assert_eq!(parse(&"a".repeat(256)), Err(Error::TooLong));
        assert_eq!(parse(&"é".repeat(128)), Err(Error::TooLong));
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_is_safe(name in any::<String>()) {
            if let Ok(accepted) = parse(&name) {
                let accepted = accepted.as_str();
                prop_assert_eq!(accepted, name.as_str());
                prop_assert!((1..=MAX_BYTES).contains(&accepted.len()));
                prop_assert!(!accepted.chars().any(|c| c.is_control() || c == '/' || c == '\\'));
            }
        }
    }
}
