//! Pages of entries.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rpc_error::{Code, Error, reason};

const DEFAULT: i64 = 50;
const MAX: i32 = 200;
const VERSION: u8 = 1;

pub(crate) fn limit(page_size: i32) -> Result<i64, Error> {
    match page_size {
        0 => Ok(DEFAULT),
        1..=MAX => Ok(page_size.into()),
        _ => {
            Err(Error::new(Code::InvalidArgument, reason::PAGE_SIZE_INVALID, "the page size is out of range")
                .violation("page_size", format!("must be 0 to {MAX}")))
        }
    }
}

/// The place that the page before ended with.
pub(crate) fn before(token: &str) -> Result<i64, Error> {
    if token.is_empty() {
        return Ok(i64::MAX);
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    let before = bytes.as_deref().and_then(|bytes| match bytes {
        [VERSION, before @ ..] => Some(i64::from_be_bytes(before.try_into().ok()?)),
        _ => None,
    });
    before.ok_or_else(|| {
        Error::new(Code::InvalidArgument, reason::PAGE_TOKEN_INVALID, "the page token is not one of ours")
            .violation("page_token", "must be a `next_page_token`, or empty")
    })
}

pub(crate) fn token(before: i64) -> String {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&before.to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_back_to_its_place_and_foreign_ones_are_refused() {
        assert_eq!(before(&token(7)).unwrap(), 7);
        assert_eq!(before("").unwrap(), i64::MAX);
        for token in ["x", "AQ", "AQAAAAc", "AgAAAAAAAAAH", "../../etc"] {
            before(token).unwrap_err();
        }
    }
}
