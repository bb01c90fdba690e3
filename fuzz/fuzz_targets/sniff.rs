//! Type and encryption of a file: the same however it is cut, and a type that the document service takes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parsers::domain::MediaType;
use parsers::sniff::{Sniffer, satisfies};
use parsers::{parts, pdf};

fuzz_target!(|bytes: &[u8]| {
    let look = |parts: &mut dyn Iterator<Item = &[u8]>| {
        let (mut sniffer, mut watch) = (Sniffer::default(), pdf::Watch::default());
        for part in parts {
            sniffer.push(part);
            watch.push(part);
        }
        (sniffer.media_type(), watch.finish())
    };
    let whole = look(&mut std::iter::once(bytes));
    assert_eq!(look(&mut parts(bytes)), whole);

    let (detected, _) = whole;
    let media_type: MediaType = detected.parse().expect("a media type");
    assert_eq!(media_type.as_str(), detected);
    assert!(satisfies(&detected, &detected));
    if detected == "text/plain" {
        assert!(std::str::from_utf8(bytes).is_ok());
    }
});
