//! Languages that people read.

use std::fmt;

use icu_locale_core::LanguageIdentifier;
use icu_locale_core::subtags::Variants;

/// Language of last resort, in which every template exists.
pub const DEFAULT: &str = "en";

/// Longest tag that is taken, in bytes; RFC 5646, 4.4.1 asks for room for 35.
const MAX_BYTES: usize = 35;

/// A language, perhaps of a region or in a script, for example `de-AT`; normalised by BCP 47.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locale(LanguageIdentifier);

impl Locale {
    /// Parses a BCP 47 language tag.
    ///
    /// # Errors
    /// When it is no well-formed tag, or longer than 35 bytes.
    pub fn parse(text: &str) -> Result<Self, InvalidLocale> {
        if text.len() > MAX_BYTES {
            return Err(InvalidLocale);
        }
        let locale: icu_locale_core::Locale = text.parse().map_err(|_| InvalidLocale)?;
        let mut id = locale.id;
        // Neither extensions (`-u-ca-…`) nor variants choose a text of ours.
        id.variants = Variants::default();
        if id.language.is_unknown() {
            return Err(InvalidLocale);
        }
        Ok(Self(id))
    }

    /// The language of a recipient as it is stored; the one of last resort where there is none.
    #[must_use]
    pub fn stored(tag: Option<&str>) -> Self {
        tag.and_then(|tag| Self::parse(tag).ok()).unwrap_or(Self(icu_locale_core::langid!("en")))
    }

    /// Tags to look for, most specific first, ending with the language of last resort:
    /// `de-AT` gives `de-AT`, `de`, `en`.
    pub fn candidates(&self) -> impl Iterator<Item = String> {
        let id = &self.0;
        let (language, script, region) = (id.language, id.script, id.region);
        let chain = [
            (script.is_some() && region.is_some())
                .then(|| LanguageIdentifier::from((language, script, region))),
            script.map(|script| LanguageIdentifier::from((language, Some(script), None))),
            region.map(|region| LanguageIdentifier::from((language, None, Some(region)))),
            Some(LanguageIdentifier::from(language)),
        ];
        let own = chain.into_iter().flatten().map(|id| id.to_string()).filter(|tag| tag != DEFAULT);
        own.chain(std::iter::once(DEFAULT.to_owned()))
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Not a language tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a BCP 47 language tag of at most 35 bytes, for example `de-AT`")]
pub struct InvalidLocale;

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(tag: &str) -> Vec<String> {
        Locale::parse(tag).unwrap().candidates().collect()
    }

    #[test]
    fn a_regional_language_falls_back_to_the_language_and_then_to_english() {
        assert_eq!(candidates("de-AT"), ["de-AT", "de", "en"]);
        assert_eq!(candidates("de"), ["de", "en"]);
        assert_eq!(candidates("sr-Latn-RS"), ["sr-Latn-RS", "sr-Latn", "sr-RS", "sr", "en"]);
        assert_eq!(candidates("en-GB"), ["en-GB", "en"]);
        assert_eq!(candidates("en"), ["en"]);
    }

    #[test]
    fn tags_are_normalised_and_what_chooses_no_text_is_dropped() {
        assert_eq!(Locale::parse("DE-at").unwrap().to_string(), "de-AT");
        assert_eq!(Locale::parse("de-DE-u-co-phonebk").unwrap().to_string(), "de-DE");
        assert_eq!(Locale::parse("de-1996").unwrap().to_string(), "de");
    }

    #[test]
    fn what_is_no_language_tag_is_refused() {
        for bad in
            ["", "x", "und", "de_AT!", "de-", "-de", "german language", "de-AT\n", &"de-x-abcdefgh".repeat(4)]
        {
            assert_eq!(Locale::parse(bad), Err(InvalidLocale), "{bad:?}");
        }
    }
}
