//! Who wraps the keys of subjects.

use std::path::{Path, PathBuf};

/// Settings of `envelope` with the key file of every development stack.
#[must_use]
pub fn kms() -> envelope::Settings {
    envelope::Settings::File(key_file())
}

/// That file.
#[must_use]
pub fn key_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/compose/keys.json")
}
