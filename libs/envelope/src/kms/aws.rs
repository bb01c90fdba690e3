//! AWS KMS: a symmetric key, usually named by an alias.

use std::fmt;
use std::time::Duration;

use ::settings::ExposeSecret as _;
use aws_credential_types::Credentials;
use aws_sdk_kms::Client;
use aws_sdk_kms::config::Region;
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::timeout::TimeoutConfig;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use zeroize::Zeroizing;

use super::settings::AwsSettings;
use super::{Error, Wrapped};
use crate::cipher::{DataKey, Owner};

/// Of a call with its retries.
const DEADLINE: Duration = Duration::from_secs(5);
/// Of a try.
const TRY: Duration = Duration::from_secs(2);
/// The SDK stops earlier where its budget of retries, shared by all calls of a process, is used up.
const TRIES: u32 = 3;

/// Codes of answers that mean: not now.
const BUSY: [&str; 7] = [
    "DependencyTimeoutException",
    "KeyUnavailableException",
    "KMSInternalException",
    "LimitExceededException",
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
];

/// A key of AWS KMS. Cheap to clone.
#[derive(Clone)]
pub struct Aws {
    client: Client,
    /// As the settings say it: what wraps next is what it means then.
    key: String,
}

/// Whose key it is, which AWS asks for again to unwrap it, and writes into its trail: ids only.
macro_rules! bound_to {
    ($request:expr, $entry:ident, $owner:expr) => {
        $request
            .$entry("tenant", $owner.tenant.as_str())
            .$entry("subject", $owner.subject.as_str())
            .$entry("generation", $owner.generation.to_string())
    };
}

impl Aws {
    /// Prepares calls; makes none.
    pub(super) async fn new(settings: &AwsSettings) -> Self {
        let mut loader = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .region(Region::new(settings.region.clone()))
            .retry_config(RetryConfig::standard().with_max_attempts(TRIES))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(TRY)
                    .operation_attempt_timeout(TRY)
                    .operation_timeout(DEADLINE)
                    .build(),
            );
        if let Some((id, secret)) = &settings.credentials {
            loader = loader.credentials_provider(Credentials::from_keys(id, secret.expose_secret(), None));
        }
        if let Some(endpoint) = &settings.endpoint {
            loader = loader.endpoint_url(endpoint.as_str());
        }
        Self { client: Client::new(&loader.load().await), key: settings.key_id.clone() }
    }

    pub(super) async fn generate(&self, owner: Owner<'_>) -> Result<(DataKey, Wrapped), Error> {
        let request = self.client.generate_data_key().key_id(&self.key).key_spec(DataKeySpec::Aes256);
        let made = bound_to!(request, encryption_context, owner).send().await.map_err(failed)?;
        Ok((plain(made.plaintext)?, wrapped(made.ciphertext_blob, made.key_id)?))
    }

    pub(super) async fn unwrap(&self, owner: Owner<'_>, kek: &str, wrapped: &[u8]) -> Result<DataKey, Error> {
        let request = self.client.decrypt().key_id(kek).ciphertext_blob(Blob::new(wrapped));
        let opened = bound_to!(request, encryption_context, owner).send().await.map_err(failed)?;
        plain(opened.plaintext)
    }

    pub(super) async fn rewrap(&self, owner: Owner<'_>, kek: &str, bytes: &[u8]) -> Result<Wrapped, Error> {
        let request = self.client.re_encrypt().ciphertext_blob(Blob::new(bytes));
        let request = request.source_key_id(kek).destination_key_id(&self.key);
        let request = bound_to!(request, source_encryption_context, owner);
        let new = bound_to!(request, destination_encryption_context, owner).send().await.map_err(failed)?;
        wrapped(new.ciphertext_blob, new.key_id)
    }

    /// What the settings' name means now: an alias may have been given to another key.
    pub(super) async fn newest(&self) -> Result<String, Error> {
        let described = self.client.describe_key().key_id(&self.key).send().await.map_err(failed)?;
        let arn = described.key_metadata.and_then(|key| key.arn);
        arn.ok_or_else(|| Error::Unavailable("the answer names no key".into()))
    }
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Aws({})", self.key)
    }
}

fn plain(blob: Option<Blob>) -> Result<DataKey, Error> {
    let bytes = Zeroizing::new(blob.map(Blob::into_inner).unwrap_or_default());
    DataKey::from_bytes(&bytes).ok_or_else(|| Error::Refused("the answer is no key".to_owned()))
}

fn wrapped(blob: Option<Blob>, key: Option<String>) -> Result<Wrapped, Error> {
    match (blob, key) {
        (Some(bytes), Some(kek)) => Ok(Wrapped { kek, bytes: bytes.into_inner() }),
        _ => Err(Error::Unavailable("the answer has no wrapped key".into())),
    }
}

/// What KMS answers clearly it refuses, by the code of its answer; whatever else happens is its absence. Both errors end
/// the call; a rotation goes on with the next key after the first.
fn failed<E>(error: SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match &error {
        SdkError::ServiceError(answer) if answer.raw().status().as_u16() < 500 => match answer.err().code() {
            Some(code) if !BUSY.contains(&code) => Error::Refused(code.to_owned()),
            _ => Error::Unavailable(error.into()),
        },
        _ => Error::Unavailable(error.into()),
    }
}
