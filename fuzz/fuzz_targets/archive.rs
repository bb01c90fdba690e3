//! Archives of cases: whatever is read is what would be written, and nothing makes the verifier panic.
#![no_main]

use evidence::archive::{self, Layout};
use evidence::{PublicKeys, verify};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (mut layout, mut written) = (Layout::default(), Vec::new());
    let read = archive::read(bytes, |name, _, content| {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        written.extend(layout.whole(name, &bytes).expect("it was read"));
        written.extend(bytes);
        Ok(())
    });
    if read.is_ok_and(|damaged| damaged.is_empty()) {
        written.extend(layout.finish());
        assert_eq!(written, bytes);
    }
    assert!(verify(bytes, &PublicKeys::default()).expect("bytes can be read").is_err());
});
