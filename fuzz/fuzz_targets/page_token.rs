//! Page tokens: what is read is written as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use paging::PageToken;

fuzz_target!(|token: &str| {
    match PageToken::parse(token) {
        Ok(None) => assert!(token.is_empty()),
        Ok(Some(parsed)) => {
            assert_eq!(parsed.to_string(), token);
            assert_eq!(PageToken::after(parsed.last()), parsed);
        }
        Err(_) => {}
    }
});
