//! Archives in the scan: limits hold, and the verdict does not depend on how the network cuts the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parsers::archive::{Inspector, Limits};
use parsers::parts;

const LIMITS: Limits = Limits { max_files: 32, max_bytes: 1 << 20, max_ratio: 100, max_depth: 3 };

fuzz_target!(|bytes: &[u8]| {
    let mut whole = Inspector::new(LIMITS);
    let first = whole.push(bytes);
    let verdict = whole.finish();
    assert!(first.is_ok() || first == verdict);

    let mut cut = Inspector::new(LIMITS);
    for part in parts(bytes) {
        let _ = cut.push(part);
    }
    assert_eq!(cut.finish(), verdict);

    // What more allows, nothing else refuses.
    if verdict.is_ok() {
        let more = Limits { max_files: 64, max_bytes: 2 << 20, max_ratio: 200, max_depth: 6 };
        let mut inspector = Inspector::new(more);
        inspector.push(bytes).expect("within stricter limits");
        inspector.finish().expect("within stricter limits");
    }
});
