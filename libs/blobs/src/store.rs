//! The client: signing, looking, reading, deleting.

use std::fmt;
use std::sync::{Arc, RwLock};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    Region, RequestChecksumCalculation, ResponseChecksumValidation, StalledStreamProtectionConfig,
};
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::operation::head_object::HeadObjectError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumMode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use clock::Clock;
use secrecy::ExposeSecret;
use time::OffsetDateTime;
use tracing::Instrument;

use crate::sign::{Identity, Signer};
use crate::{Composite, Error, Settings, SignedGet, SignedPut, Upload};

/// Deadline of a request without a body, retries included.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long an object's next bytes may take.
const STALL: Duration = Duration::from_secs(20);

/// One of the buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    /// What citizens send: nobody reads it but the scan.
    Intake,
    /// What passed the scan.
    Evidence,
    /// What proves what happened: nothing is changed or deleted here.
    Audit,
    /// A second copy of the evidence, where there is one: [`Blobs::has_replica`].
    Replica,
    /// Archives of cases, until they are fetched or forgotten.
    Exports,
}

/// What the store knows about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the whole object; nothing where the store has none, or only one over digests of parts.
    pub sha256: Option<[u8; 32]>,
    /// SHA-256 over the digests of its parts, where it was put together from parts.
    pub composite: Option<Composite>,
    /// Media type it was stored with.
    pub content_type: Option<String>,
    /// Version, in a versioned bucket.
    pub version: Option<String>,
}

/// The object store. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Blobs(Arc<Inner>);

struct Inner {
    client: Client,
    settings: Settings,
    clock: Clock,
    provider: Option<SharedCredentialsProvider>,
    cached: RwLock<Option<Arc<Identity>>>,
}

impl fmt::Debug for Blobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blobs").field("endpoint", &self.0.settings.endpoint.as_str()).finish_non_exhaustive()
    }
}

impl Blobs {
    /// Makes a client. Connects to nothing yet. Signatures start at the time of `clock`; requests of its own are
    /// signed by the machine's time.
    pub async fn new(settings: &Settings, clock: Clock) -> Self {
        let mut loader = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .region(Region::new(settings.region.clone()))
            .retry_config(
                RetryConfig::standard().with_max_attempts(3).with_max_backoff(Duration::from_secs(2)),
            )
            .timeout_config(timeouts(DEADLINE));
        if let Some((id, secret)) = &settings.credentials {
            loader = loader.credentials_provider(Credentials::from_keys(id, secret.expose_secret(), None));
        }
        let config = loader.load().await;
        let client = aws_sdk_s3::config::Builder::from(&config)
            .endpoint_url(settings.endpoint.as_str())
            .force_path_style(true)
            // Nothing is added to a request that we did not ask for.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            // A reader that waits for its scanner is no stall; `Body` has its own deadline.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Self(Arc::new(Inner {
            client: Client::from_conf(client),
            settings: settings.clone(),
            clock,
            provider: config.credentials_provider(),
            cached: RwLock::default(),
        }))
    }

    /// Signs an upload of exactly these bytes to `key`. Whoever has the URL can send them, any number of times, until
    /// it expires, and can send nothing else.
    ///
    /// # Errors
    /// [`Error::Credentials`], [`Error::Signing`].
    pub async fn presign_put(
        &self,
        bucket: Bucket,
        key: &str,
        upload: &Upload<'_>,
        ttl: Duration,
    ) -> Result<SignedPut, Error> {
        self.signer(ttl).await?.put(self.name(bucket), key, upload)
    }

    /// Signs a download of `key` that browsers save as `file_name`.
    ///
    /// # Errors
    /// [`Error::Credentials`], [`Error::Signing`].
    pub async fn presign_get(
        &self,
        bucket: Bucket,
        key: &str,
        file_name: &str,
        ttl: Duration,
    ) -> Result<SignedGet, Error> {
        self.signer(ttl).await?.get(self.name(bucket), key, file_name)
    }

    /// What the store knows about `key`; nothing where it is not there.
    ///
    /// # Errors
    /// [`Error::Request`].
    pub async fn head(&self, bucket: Bucket, key: &str) -> Result<Option<Head>, Error> {
        let request = self.0.client.head_object().bucket(self.name(bucket)).key(key);
        let answer =
            request.checksum_mode(ChecksumMode::Enabled).send().instrument(span("head", bucket)).await;
        let head = match answer {
            Ok(head) => head,
            Err(error) if error.as_service_error().is_some_and(HeadObjectError::is_not_found) => {
                return Ok(None);
            }
            Err(error) => return Err(request_error("head", error)),
        };
        Ok(Some(Head {
            size: head.content_length().and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
            sha256: head.checksum_sha256().and_then(digest),
            composite: head.checksum_sha256().and_then(Composite::parse),
            content_type: head.content_type().map(str::to_owned),
            version: head.version_id().filter(|v| *v != "null").map(str::to_owned),
        }))
    }

    /// Reads `key` as a stream.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Request`].
    pub async fn get(&self, bucket: Bucket, key: &str) -> Result<Body, Error> {
        self.get_version(bucket, key, None).await
    }

    /// Reads a version of `key` as a stream, also one behind the mark of a deletion; the newest for `None`.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Request`].
    pub async fn get_version(&self, bucket: Bucket, key: &str, version: Option<&str>) -> Result<Body, Error> {
        let request = self.0.client.get_object().bucket(self.name(bucket)).key(key);
        let request = request.set_version_id(version.map(str::to_owned));
        match request.send().instrument(span("get", bucket)).await {
            Ok(answer) => Ok(Body {
                size: answer.content_length().and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
                stream: answer.body,
            }),
            Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => {
                Err(Error::Missing(key.to_owned()))
            }
            Err(error) => Err(request_error("get", error)),
        }
    }

    /// Deletes `key`; harmless where it is not there. In a versioned bucket the bytes stay as an old version:
    /// [`Blobs::delete_all`] takes those too.
    ///
    /// # Errors
    /// [`Error::Request`].
    pub async fn delete(&self, bucket: Bucket, key: &str) -> Result<(), Error> {
        let request = self.0.client.delete_object().bucket(self.name(bucket)).key(key);
        request.send().instrument(span("delete", bucket)).await.map_err(|e| request_error("delete", e))?;
        Ok(())
    }

    /// Proves that the store answers and has the buckets of intake and evidence, for `/ready` and gates. The replica may be
    /// elsewhere, and is of those alone who read it.
    ///
    /// # Errors
    /// [`Error::Missing`] names the bucket; [`Error::Request`].
    pub async fn check(&self) -> Result<(), Error> {
        self.check_bucket(Bucket::Intake).await?;
        self.check_bucket(Bucket::Evidence).await
    }

    /// Proves that the store answers and has this bucket.
    ///
    /// # Errors
    /// [`Error::Missing`] names the bucket; [`Error::Request`].
    pub async fn check_bucket(&self, bucket: Bucket) -> Result<(), Error> {
        let name = self.name(bucket);
        match self.0.client.head_bucket().bucket(name).send().await {
            Ok(_) => Ok(()),
            Err(error) if status(&error) == Some(404) => Err(Error::Missing(name.to_owned())),
            Err(error) => Err(request_error("answer", error)),
        }
    }

    /// Whether there is a second copy of the evidence.
    #[must_use]
    pub fn has_replica(&self) -> bool {
        self.0.settings.replica_bucket.is_some()
    }

    pub(crate) fn client(&self) -> &Client {
        &self.0.client
    }

    pub(crate) fn name(&self, bucket: Bucket) -> &str {
        match bucket {
            Bucket::Intake => &self.0.settings.intake_bucket,
            Bucket::Evidence => &self.0.settings.evidence_bucket,
            Bucket::Audit => &self.0.settings.audit_bucket,
            // No bucket has no name: requests fail.
            Bucket::Replica => self.0.settings.replica_bucket.as_deref().unwrap_or_default(),
            Bucket::Exports => &self.0.settings.exports_bucket,
        }
    }

    pub(crate) async fn signer(&self, ttl: Duration) -> Result<Signer<'_>, Error> {
        let now = self.0.clock.now();
        let identity = self.identity(now, SystemTime::from(now) + ttl).await?;
        let Settings { public_endpoint, region, .. } = &self.0.settings;
        Ok(Signer { endpoint: public_endpoint, region, identity, now, ttl })
    }

    /// The credentials of before where they last until `end`; asking for new ones may be a call to another service.
    async fn identity(&self, now: OffsetDateTime, end: SystemTime) -> Result<Arc<Identity>, Error> {
        let cached = self.0.cached.read().ok().and_then(|cached| cached.clone());
        if let Some(identity) = cached.filter(|identity| identity.serves(now, end)) {
            return Ok(identity);
        }
        let provider = self.0.provider.as_ref().ok_or_else(|| Error::Credentials("no provider".into()))?;
        let fetched = tokio::time::timeout(DEADLINE, provider.provide_credentials()).await;
        let credentials =
            fetched.map_err(|e| Error::Credentials(e.into()))?.map_err(|e| Error::Credentials(e.into()))?;
        let identity = Arc::new(Identity::new(credentials, &self.0.settings.region, now));
        if let Ok(mut cached) = self.0.cached.write() {
            *cached = Some(Arc::clone(&identity));
        }
        Ok(identity)
    }
}

/// The bytes of an object, as they come.
#[derive(Debug)]
pub struct Body {
    size: u64,
    stream: ByteStream,
}

impl Body {
    /// Size of the whole object in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The next bytes, never empty; nothing at the end.
    ///
    /// # Errors
    /// [`Error::Request`] when the stream breaks off or stalls for 20 s.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let read = tokio::time::timeout(STALL, self.stream.next());
            match read.await.map_err(|e| request_error("send more bytes", e))? {
                None => return Ok(None),
                Some(Ok(bytes)) if bytes.is_empty() => {}
                Some(Ok(bytes)) => return Ok(Some(bytes)),
                Some(Err(error)) => return Err(request_error("send more bytes", error)),
            }
        }
    }

    /// All bytes of an object of at most `limit`.
    ///
    /// # Errors
    /// [`Error::TooLarge`]; as [`Body::next`].
    pub async fn all(mut self, limit: usize) -> Result<Vec<u8>, Error> {
        let mut all = Vec::new();
        while let Some(bytes) = self.next().await? {
            if all.len() + bytes.len() > limit {
                return Err(Error::TooLarge { limit });
            }
            all.extend_from_slice(&bytes);
        }
        Ok(all)
    }
}

pub(crate) fn timeouts(operation: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(operation.mul_f32(0.6))
        .operation_timeout(operation)
        .build()
}

pub(crate) fn digest(base64: &str) -> Option<[u8; 32]> {
    STANDARD.decode(base64).ok()?.try_into().ok()
}

pub(crate) fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|r| r.status().as_u16())
}

pub(crate) fn request_error(
    operation: &'static str,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    Error::Request { operation, source: error.into() }
}

/// Keys are ids and would be harmless, but a trace has them already as the document's.
pub(crate) fn span(operation: &'static str, bucket: Bucket) -> tracing::Span {
    tracing::info_span!("s3", otel.name = format!("s3.{operation}"), otel.kind = "client", s3.bucket = ?bucket)
}
