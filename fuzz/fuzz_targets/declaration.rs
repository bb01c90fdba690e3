//! Declarations, and what of them becomes headers: purpose, file name, media type and digest, apart by zero bytes.
#![no_main]

use std::sync::LazyLock;

use http::HeaderValue;
use libfuzzer_sys::fuzz_target;
use parsers::domain::{Declaration, FileName, MediaType, Purpose, UploadPolicy};
use policy::Policy as _;

static POLICY: LazyLock<UploadPolicy> = LazyLock::new(UploadPolicy::builtin);

fuzz_target!(|bytes: &[u8]| {
    let mut fields = bytes.splitn(4, |byte| *byte == 0);
    let mut text = || std::str::from_utf8(fields.next().unwrap_or_default()).unwrap_or_default();
    let (purpose, file_name, content_type) = (text(), text(), text());
    let digest = fields.next().unwrap_or_default();

    if let Ok(name) = file_name.parse::<FileName>() {
        assert_eq!(name.as_str(), file_name);
        assert!((1..=255).contains(&file_name.len()) && !file_name.contains(['/', '\\', '\r', '\n', '\0']));
    }
    if let Ok(media_type) = content_type.parse::<MediaType>() {
        HeaderValue::from_str(media_type.as_str()).expect("fit for a header");
        assert_eq!(media_type.as_str().parse(), Ok(media_type.clone()));
        assert!(media_type.is_satisfied_by(&media_type));
    }
    if let Ok(name) = purpose.parse::<Purpose>() {
        assert_eq!(name.as_str(), purpose);
    }
    match Declaration::parse(&POLICY, purpose, file_name, content_type, 1, digest) {
        Ok((name, declared)) => {
            assert_eq!(name.as_str(), file_name);
            assert!(POLICY.purposes[&declared.purpose].allows(&declared.media_type));
            assert_eq!(declared.sha256.as_bytes(), digest);
        }
        Err(violations) => assert!(!violations.is_empty()),
    }
});
