#![doc = include_str!("../README.md")]

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rpc_error::{Code, reason};
use uuid::{Uuid, Version};

/// How many rows a page has at most: 1 to 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize(i32);

/// Where a page begins: after this row, in the order newest first.
///
/// It is written as base64url of one version byte and the row's id, a UUIDv7. It grants nothing: what a caller may see
/// is decided anew for each page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageToken(Uuid);

/// The page size is out of range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 0 for the default of 50, or 1 to 200")]
pub struct SizeError;

/// The page token was not made by this service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the next_page_token of an earlier page, or empty")]
pub struct TokenError;

/// The page that is asked for does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the page asked for does not exist")]
pub struct Invalid {
    /// Why its size cannot be used.
    pub size: Option<SizeError>,
    /// Why its token cannot be used.
    pub token: Option<TokenError>,
}

const DEFAULT: i32 = 50;
const MAX: i32 = 200;
const FORMAT: u8 = 1;

/// Reads which page a request asks for.
///
/// # Errors
/// [`Invalid`].
pub fn parse(size: i32, token: &str) -> Result<(PageSize, Option<PageToken>), Invalid> {
    match (PageSize::parse(size), PageToken::parse(token)) {
        (Ok(size), Ok(after)) => Ok((size, after)),
        (size, token) => Err(Invalid { size: size.err(), token: token.err() }),
    }
}

/// Cuts off the row that was read beyond the page, which tells that there is a next one.
pub fn cut<T>(mut rows: Vec<T>, size: PageSize, id: impl Fn(&T) -> Uuid) -> (Vec<T>, Option<PageToken>) {
    let size = usize::try_from(size.get()).unwrap_or_default();
    let more = rows.len() > size;
    rows.truncate(size);
    let next = rows.last().filter(|_| more).map(|last| PageToken::after(id(last)));
    (rows, next)
}

impl From<Invalid> for rpc_error::Error {
    fn from(invalid: Invalid) -> Self {
        let Invalid { size, token } = invalid;
        let reason = if size.is_some() { reason::PAGE_SIZE_INVALID } else { reason::PAGE_TOKEN_INVALID };
        let mut error = Self::new(Code::InvalidArgument, reason, invalid.to_string());
        if let Some(rule) = size {
            error = error.violation("page_size", rule.to_string());
        }
        if let Some(rule) = token {
            error = error.violation("page_token", rule.to_string());
        }
        error
    }
}

impl PageSize {
    /// Reads a request's page size, where 0 asks for the default.
    ///
    /// # Errors
    /// [`SizeError`].
    pub fn parse(size: i32) -> Result<Self, SizeError> {
        match size {
            0 => Ok(Self(DEFAULT)),
            1..=MAX => Ok(Self(size)),
            _ => Err(SizeError),
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn get(self) -> i32 {
        self.0
    }
}

impl PageToken {
    /// The page that follows `last`.
    #[must_use]
    pub fn after(last: impl Into<Uuid>) -> Self {
        Self(last.into())
    }

    /// Reads a request's token, where an empty one asks for the first page.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn parse(token: &str) -> Result<Option<Self>, TokenError> {
        if token.is_empty() { Ok(None) } else { token.parse().map(Some) }
    }

    /// The last row of the page before.
    #[must_use]
    pub fn last(self) -> Uuid {
        self.0
    }
}

impl FromStr for PageToken {
    type Err = TokenError;

    fn from_str(token: &str) -> Result<Self, TokenError> {
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| TokenError)?;
        let Some((&FORMAT, id)) = bytes.split_first() else { return Err(TokenError) };
        let id = Uuid::from_slice(id).map_err(|_| TokenError)?;
        if id.get_version() == Some(Version::SortRand) { Ok(Self(id)) } else { Err(TokenError) }
    }
}

impl fmt::Display for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![FORMAT];
        bytes.extend_from_slice(self.0.as_bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

#[cfg(test)]
mod tests {
    use clock::Clock;
    use ids::DocumentId;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_leads_back_to_its_document() {
        let id = DocumentId::mint(&Clock::system());
        let token = PageToken::after(id).to_string();
        assert_eq!(
            PageToken::parse(&token).expect("own token").expect("not the first page").last(),
            Uuid::from(id)
        );
        assert_eq!(PageToken::parse(""), Ok(None));
    }

    #[test]
    fn foreign_tokens_are_refused() {
        let v4 = URL_SAFE_NO_PAD.encode([&[FORMAT][..], &[0xff; 16]].concat());
        let other_version = URL_SAFE_NO_PAD.encode([&[9][..], &[0; 16]].concat());
        for token in ["x", "AQ", "=", "AQ==", "018f", v4.as_str(), other_version.as_str(), "../../etc"] {
            assert_eq!(PageToken::parse(token), Err(TokenError), "{token}");
        }
    }

    #[test]
    fn one_row_more_than_the_page_tells_of_the_next() {
        let ids: Vec<_> = (0..4).map(|_| Uuid::from(DocumentId::mint(&Clock::system()))).collect();
        let (rows, next) = cut(ids.clone(), PageSize(3), |id| *id);
        assert_eq!((rows, next), (ids[..3].to_vec(), Some(PageToken(ids[2]))));
        assert_eq!(cut(ids.clone(), PageSize(4), |id| *id), (ids, None));
    }

    #[test]
    fn both_fields_are_told() {
        let error = rpc_error::Error::from(parse(201, "x").unwrap_err());
        assert_eq!((error.reason(), error.violations().len()), ("PAGE_SIZE_INVALID", 2));
        assert_eq!(rpc_error::Error::from(parse(1, "x").unwrap_err()).reason(), "PAGE_TOKEN_INVALID");
    }

    #[test]
    fn sizes_have_a_default_and_a_limit() {
        assert_eq!(PageSize::parse(0).map(PageSize::get), Ok(50));
        assert_eq!(PageSize::parse(200).map(PageSize::get), Ok(200));
        for size in [-1, 201, i32::MIN, i32::MAX] {
            assert_eq!(PageSize::parse(size), Err(SizeError));
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(token in "\\PC{0,60}|[A-Za-z0-9_-]{0,40}") {
            if let Ok(Some(parsed)) = PageToken::parse(&token) {
                prop_assert_eq!(parsed.to_string(), token);
            }
        }
    }
}
