//! Policies that staff publish: what breaks no rule is written and read again as it is, and a declaration can be held to it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parsers::domain::{Declaration, RetentionPolicy, UploadPolicy};
use policy::Policy;

fuzz_target!(|bytes: &[u8]| {
    if let Some(upload) = read::<UploadPolicy>(bytes) {
        for (purpose, rules) in &upload.purposes {
            let types = rules.content_types.iter().map(|media_type| media_type.as_str());
            for content_type in types {
                let size = rules.max_bytes;
                let declared =
                    Declaration::parse(&upload, purpose.as_str(), "a.pdf", content_type, size, &[7; 32]);
                declared.expect("what the policy names");
            }
        }
    }
    if let Some(retention) = read::<RetentionPolicy>(bytes) {
        for class in retention.classes.values() {
            let start = time::OffsetDateTime::UNIX_EPOCH;
            assert!(class.keep_for.after(start) >= start);
        }
    }
});

/// A policy that breaks no rule.
fn read<T: Policy + PartialEq + std::fmt::Debug>(bytes: &[u8]) -> Option<T> {
    let policy: T = serde_json::from_slice(bytes).ok()?;
    let broken = policy.check();
    for violation in &broken {
        assert!(violation.pointer.starts_with('/'), "{violation:?}");
    }
    let written = serde_json::to_vec(&policy).expect("it was read");
    assert_eq!(serde_json::from_slice::<T>(&written).expect("it was written"), policy);
    broken.is_empty().then_some(policy)
}
