use std::path::PathBuf;

use ::settings::Env;

/// Settings `KMS__*`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Settings {
    /// `KMS__KEY_FILE`: a file with keys, for development.
    File(PathBuf),
}

impl Settings {
    /// Reads `KMS__*`; notes every error in `env`.
    pub fn load(env: &mut Env) -> Option<Self> {
        env.var::<PathBuf>("KMS__KEY_FILE").required().map(Self::File)
    }
}
