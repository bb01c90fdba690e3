use std::fmt;
use std::str::FromStr;

use tonic::metadata::MetadataMap;

use crate::Error;

/// The metadata entry, and in lower case the HTTP header, that carries the key.
pub const METADATA: &str = "idempotency-key";

const RULE: &str = "must be 1 to 255 visible ASCII characters";

/// What a client names a call by, so that it can repeat it: 1 to 255 visible ASCII characters.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Key(String);

impl Key {
    /// Parses a key. Nothing is trimmed or folded: two spellings are two keys.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if visible && (1..=255).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::Invalid(RULE))
        }
    }

    /// The key of a call.
    ///
    /// # Errors
    /// [`Error::Missing`]; [`Error::Invalid`] also when there are several, since either could be meant.
    pub fn from_metadata(metadata: &MetadataMap) -> Result<Self, Error> {
        let mut entries = metadata.get_all(METADATA).iter();
        let entry = entries.next().ok_or(Error::Missing)?;
        if entries.next().is_some() {
            return Err(Error::Invalid("must be sent once"));
        }
        Self::parse(entry.to_str().map_err(|_| Error::Invalid(RULE))?)
    }

    /// As the client sent it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Key {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

/// A client may put anything into a key; it is not for logs.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_is_one_to_255_visible_characters() {
        for good in ["a", "!", "~", "6c84fb90-12c4-11e1-840d-7b25c5ee775a", &"k".repeat(255)] {
            assert_eq!(Key::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", " ", "a b", " a", "a ", "a\n", "\u{7f}", "\0", "é", "ｋ", &"k".repeat(256)] {
            assert_eq!(Key::parse(bad), Err(Error::Invalid(RULE)), "{bad:?}");
        }
    }

    #[test]
    fn metadata_must_hold_exactly_one() {
        let mut metadata = MetadataMap::new();
        assert_eq!(Key::from_metadata(&metadata), Err(Error::Missing));
        metadata.append(METADATA, "one".parse().unwrap());
        assert_eq!(Key::from_metadata(&metadata).unwrap().as_str(), "one");
        metadata.append(METADATA, "one".parse().unwrap());
        assert_eq!(Key::from_metadata(&metadata), Err(Error::Invalid("must be sent once")));
    }

    #[test]
    fn debug_does_not_show_it() {
        assert_eq!(format!("{:?}", Key::parse("anna@example.org").unwrap()), "Key(16 bytes)");
    }

    proptest! {
        #[test]
        fn any_text_is_a_key_or_refused(text in any::<String>()) {
            let good = (1..=255).contains(&text.len()) && text.bytes().all(|byte| (b'!'..=b'~').contains(&byte));
            prop_assert_eq!(Key::parse(&text).is_ok(), good);
        }

        #[test]
        fn any_visible_text_comes_back_unchanged(text in "[!-~]{1,255}") {
            let key = Key::parse(&text).unwrap();
            prop_assert_eq!(key.as_str(), text);
        }

        #[test]
        fn any_bytes_in_metadata_are_a_key_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut metadata = MetadataMap::new();
            if let Ok(value) = tonic::metadata::MetadataValue::try_from(bytes.as_slice()) {
                metadata.insert(METADATA, value);
                let good = (1..=255).contains(&bytes.len()) && bytes.iter().all(|byte| (b'!'..=b'~').contains(byte));
                prop_assert_eq!(Key::from_metadata(&metadata).is_ok(), good);
            }
        }
    }
}
