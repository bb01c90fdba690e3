//! Manifests and the proofs in them: what is read is written as it was, and no proof holds without a key.
#![no_main]

use evidence::{Manifest, PublicKeys};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(manifest) = serde_json::from_slice::<Manifest>(bytes) else { return };
    let written = serde_json::to_vec(&manifest).expect("it was read");
    assert_eq!(serde_json::from_slice::<Manifest>(&written).expect("it was written"), manifest);
    for proof in &manifest.proofs {
        assert!(!proof.holds(&PublicKeys::default(), &manifest.service));
    }
});
