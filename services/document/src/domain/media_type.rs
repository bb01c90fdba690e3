//! Media types, declared and detected.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A media type without parameters, such as `application/pdf`, in lower case; at most 127 bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MediaType(String);

/// The text is not `type/subtype` of RFC 6838, or carries parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a media type such as application/pdf, without parameters")]
pub struct Error;

const MAX_BYTES: usize = 127;

impl MediaType {
    /// The media type as text, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether bytes found to be of type `detected` may be called `self`.
    ///
    /// Plain text has no mark of its own: every kind of text is found to be `text/plain`, so that any `text/…` is
    /// satisfied by it. An MP4 may say at its end only what is in it, and is found to be `application/mp4` then.
    #[must_use]
    pub fn is_satisfied_by(&self, detected: &Self) -> bool {
        self == detected
            || (self.0.starts_with("text/") && detected.0 == "text/plain")
            || (matches!(self.as_str(), "video/mp4" | "audio/mp4") && detected.0 == "application/mp4")
    }
}

impl FromStr for MediaType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.to_ascii_lowercase();
        match text.split_once('/') {
            Some((kind, subtype)) if text.len() <= MAX_BYTES && is_name(kind) && is_name(subtype) => {
                Ok(Self(text))
            }
            _ => Err(Error),
        }
    }
}

impl TryFrom<String> for MediaType {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<MediaType> for String {
    fn from(media_type: MediaType) -> Self {
        media_type.0
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `restricted-name` of RFC 6838, section 4.2.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "!#$&-^_.+".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media_type(text: &str) -> MediaType {
        text.parse().expect(text)
    }

    #[test]
    fn case_does_not_matter_and_parameters_are_refused() {
        assert_eq!(media_type("Application/PDF").as_str(), "application/pdf");
        for text in ["", "pdf", "/", "a/", "/b", "text/plain; charset=utf-8", "a/b/c", "a b/c", "é/a", "a/\n"]
        {
            assert_eq!(text.parse::<MediaType>(), Err(Error), "{text:?}");
        }
        assert_eq!(format!("a/{}", "b".repeat(126)).parse::<MediaType>(), Err(Error));
    }

    #[test]
    fn only_text_and_films_may_be_found_under_another_name() {
        assert!(media_type("image/png").is_satisfied_by(&media_type("image/png")));
        assert!(media_type("text/csv").is_satisfied_by(&media_type("text/plain")));
        assert!(media_type("video/mp4").is_satisfied_by(&media_type("application/mp4")));
        assert!(!media_type("video/webm").is_satisfied_by(&media_type("application/mp4")));
        assert!(!media_type("application/pdf").is_satisfied_by(&media_type("text/plain")));
        assert!(!media_type("text/plain").is_satisfied_by(&media_type("text/html")));
        assert!(!media_type("text/csv").is_satisfied_by(&media_type("application/pdf")));
    }
}
