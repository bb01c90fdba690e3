//! Who wraps subjects' keys.

mod file;
mod settings;

use crate::cipher::{DataKey, Owner};

pub use file::KeyFile;
pub use settings::Settings;

/// A key-management service. Its keys never leave it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Kms {
    /// A file with the keys themselves, for development.
    File(KeyFile),
}

/// Why a key cannot be wrapped or unwrapped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not answer, or not now.
    #[error("the key-management service cannot be reached")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It does not know the key, or the bytes are not what it has wrapped for this owner.
    #[error("the key-management service refuses: {0}")]
    Refused(String),
}

/// A wrapped key.
#[derive(Clone, Debug)]
pub(crate) struct Wrapped {
    pub(crate) kek: String,
    pub(crate) bytes: Vec<u8>,
}

impl Kms {
    /// Opens what the settings name.
    ///
    /// # Errors
    /// When the key file cannot be read or is none.
    pub async fn open(settings: &Settings) -> Result<Self, Error> {
        match settings {
            Settings::File(path) => Ok(Self::File(KeyFile::read(path).await?)),
        }
    }

    /// A new key, and as the newest key wraps it.
    pub(crate) async fn generate(&self, owner: Owner<'_>) -> Result<(DataKey, Wrapped), Error> {
        match self {
            Self::File(file) => file.generate(owner),
        }
    }

    pub(crate) async fn unwrap(&self, owner: Owner<'_>, kek: &str, wrapped: &[u8]) -> Result<DataKey, Error> {
        match self {
            Self::File(file) => file.unwrap(owner, kek, wrapped),
        }
    }

    /// A wrapped key as the newest key wraps it.
    pub(crate) async fn rewrap(&self, owner: Owner<'_>, kek: &str, wrapped: &[u8]) -> Result<Wrapped, Error> {
        match self {
            Self::File(file) => file.rewrap(owner, kek, wrapped),
        }
    }

    /// Name of the newest key.
    pub(crate) async fn newest(&self) -> Result<String, Error> {
        match self {
            Self::File(file) => Ok(file.newest().to_owned()),
        }
    }
}
