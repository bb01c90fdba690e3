//! Time-stamps and answers of authorities: whatever verifies says what the token that was signed says.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use parsers::timestamp::{answered, token, trusted::Trusted};

const TOKEN: &[u8] = include_bytes!("../../libs/timestamp/tests/samples/token.tsr");
const DIGEST: &[u8; 32] = include_bytes!("../../libs/timestamp/tests/samples/digest");
static TRUSTED: LazyLock<Trusted> = LazyLock::new(|| {
    Trusted::from_pem(include_bytes!("../../libs/timestamp/tests/samples/root.pem")).expect("a certificate")
});

fuzz_target!(|bytes: &[u8]| {
    let answered = answered(bytes);
    for bytes in std::iter::once(bytes).chain(answered.as_deref()) {
        if let Ok(stamp) = token::verify(bytes, DIGEST, &TRUSTED) {
            assert_eq!(Some(stamp), token::verify(TOKEN, DIGEST, &TRUSTED).ok());
        }
    }
});
