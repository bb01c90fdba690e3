//! Archives of cases: whatever is read is what would be written, and nothing makes the verifier panic.
#![no_main]

use std::collections::BTreeMap;

use evidence::{PublicKeys, archive, verify};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(members) = archive::read(bytes) {
        assert_eq!(archive::write(&members).expect("small"), bytes);
    }
    assert!(verify(bytes, &PublicKeys::default(), &BTreeMap::new()).is_err());
});
