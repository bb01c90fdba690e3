//! Who wraps subjects' keys.

mod aws;
mod file;
mod settings;

use crate::cipher::{DataKey, Owner};

pub use aws::Aws;
pub use file::KeyFile;
pub use settings::{AwsSettings, Settings};

/// A key-management service. Its keys never leave it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Kms {
    /// A file with the keys themselves, for development.
    File(KeyFile),
    /// A key of AWS KMS.
    Aws(Aws),
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
    /// Opens what the settings name. Makes no call: a service that is away does not keep a process from starting.
    ///
    /// # Errors
    /// When the key file cannot be read or is none.
    pub async fn open(settings: &Settings) -> Result<Self, Error> {
        match settings {
            Settings::File(path) => Ok(Self::File(KeyFile::read(path).await?)),
            Settings::Aws(settings) => Ok(Self::Aws(Aws::new(settings).await)),
        }
    }

    /// A new key, and as the newest key wraps it.
    pub(crate) async fn generate(&self, owner: Owner<'_>) -> Result<(DataKey, Wrapped), Error> {
        match self {
            Self::File(file) => file.generate(owner),
            Self::Aws(aws) => aws.generate(owner).await,
        }
    }

    pub(crate) async fn unwrap(&self, owner: Owner<'_>, kek: &str, wrapped: &[u8]) -> Result<DataKey, Error> {
        match self {
            Self::File(file) => file.unwrap(owner, kek, wrapped),
            Self::Aws(aws) => aws.unwrap(owner, kek, wrapped).await,
        }
    }

    /// A wrapped key as the newest key wraps it.
    pub(crate) async fn rewrap(&self, owner: Owner<'_>, kek: &str, wrapped: &[u8]) -> Result<Wrapped, Error> {
        match self {
            Self::File(file) => file.rewrap(owner, kek, wrapped),
            Self::Aws(aws) => aws.rewrap(owner, kek, wrapped).await,
        }
    }

    /// Name of the newest key.
    pub(crate) async fn newest(&self) -> Result<String, Error> {
        match self {
            Self::File(file) => Ok(file.newest().to_owned()),
            Self::Aws(aws) => aws.newest().await,
        }
    }
}
