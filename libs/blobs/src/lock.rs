//! Object lock: until when a version of an object cannot be deleted, and legal holds.

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use aws_sdk_s3::types::{
    ObjectLockLegalHold, ObjectLockLegalHoldStatus, ObjectLockMode, ObjectLockRetention,
    ObjectLockRetentionMode,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use time::{Duration, OffsetDateTime};
use tracing::Instrument;

use crate::store::{request_error, span, status};
use crate::{Blobs, Bucket, Error, large};

/// Who may lift a retention before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockMode {
    /// Whoever may bypass governance.
    Governance,
    /// Nobody, the account's owner neither.
    Compliance,
}

/// Until when a version is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Who may lift it before.
    pub mode: LockMode,
    /// Its end. Stores count whole seconds; a part of one is rounded up.
    pub until: OffsetDateTime,
}

impl Retention {
    /// The stricter of two in each regard: the later end, and compliance where either has it.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { mode: self.mode.max(other.mode), until: self.until.max(other.until) }
    }
}

/// What keeps a version from being deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LockState {
    /// The retention, also where its time is over.
    pub retention: Option<Retention>,
    /// Whether there is a legal hold.
    pub held: bool,
}

impl Blobs {
    /// Keeps a version until then, or as it is kept already where that is stricter: a retention never becomes shorter and
    /// never weaker. Returns what holds afterwards. Repeating it is harmless.
    ///
    /// # Errors
    /// [`Error::Missing`]; [`Error::Locked`] where the store refuses; [`Error::Request`], also for an end that is past.
    pub async fn put_retention(
        &self,
        bucket: Bucket,
        key: &str,
        version: &str,
        retention: Retention,
    ) -> Result<Retention, Error> {
        let wanted = Retention { until: whole_seconds(retention.until), ..retention };
        let before = self.retention(bucket, key, version).await?;
        let wanted = before.map_or(wanted, |before| before.and(wanted));
        if before == Some(wanted) {
            return Ok(wanted);
        }
        let mode = match wanted.mode {
            LockMode::Governance => ObjectLockRetentionMode::Governance,
            LockMode::Compliance => ObjectLockRetentionMode::Compliance,
        };
        let until = DateTime::from_secs(wanted.until.unix_timestamp());
        let body = ObjectLockRetention::builder().mode(mode).retain_until_date(until).build();
        // From governance to compliance is stricter, and needs the same right as lifting it.
        let changes_mode = before.is_some_and(|before| before.mode != wanted.mode);
        let request = self
            .client()
            .put_object_retention()
            .bucket(self.name(bucket))
            .key(key)
            .version_id(version)
            .retention(body)
            .set_bypass_governance_retention(changes_mode.then_some(true));
        match request.send().instrument(span("put_retention", bucket)).await {
            Ok(_) => Ok(wanted),
            Err(error) if status(&error) == Some(404) => Err(Error::Missing(key.to_owned())),
            Err(error) if status(&error) == Some(403) => Err(Error::Locked(key.to_owned())),
            Err(error) => Err(request_error("keep an object", error)),
        }
    }

    /// Stores an object that is kept from its first moment on: bytes, digest and retention are one request. A key that is
    /// there gets another version beside its own. Returns the version.
    ///
    /// # Errors
    /// [`Error::Request`], also where the bucket has no object lock, and for an end that is past.
    pub async fn put_locked(
        &self,
        bucket: Bucket,
        key: &str,
        content_type: &str,
        bytes: Vec<u8>,
        sha256: [u8; 32],
        retention: Retention,
    ) -> Result<Option<String>, Error> {
        let until = DateTime::from_secs(whole_seconds(retention.until).unix_timestamp());
        let mode = match retention.mode {
            LockMode::Governance => ObjectLockMode::Governance,
            LockMode::Compliance => ObjectLockMode::Compliance,
        };
        let config = large::config(bytes.len() as u64);
        let request = self
            .client()
            .put_object()
            .bucket(self.name(bucket))
            .key(key)
            .content_type(content_type)
            .checksum_sha256(STANDARD.encode(sha256))
            .object_lock_mode(mode)
            .object_lock_retain_until_date(until)
            .body(bytes.into())
            .customize()
            .config_override(config);
        let stored = request.send().instrument(span("put_locked", bucket)).await;
        let stored = stored.map_err(|error| request_error("keep a new object", error))?;
        Ok(stored.version_id)
    }

    /// Sets or lifts the legal hold of a version. It has no end and is independent of any retention. The store knows one
    /// hold: who placed how many of them is the caller's to know.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Request`].
    pub async fn legal_hold(&self, bucket: Bucket, key: &str, version: &str, on: bool) -> Result<(), Error> {
        let status_of = if on { ObjectLockLegalHoldStatus::On } else { ObjectLockLegalHoldStatus::Off };
        let request = self
            .client()
            .put_object_legal_hold()
            .bucket(self.name(bucket))
            .key(key)
            .version_id(version)
            .legal_hold(ObjectLockLegalHold::builder().status(status_of).build());
        match request.send().instrument(span("legal_hold", bucket)).await {
            Ok(_) => Ok(()),
            Err(error) if status(&error) == Some(404) => Err(Error::Missing(key.to_owned())),
            Err(error) => Err(request_error("hold an object", error)),
        }
    }

    /// What keeps a version.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Request`].
    pub async fn lock_state(&self, bucket: Bucket, key: &str, version: &str) -> Result<LockState, Error> {
        let retention = self.retention(bucket, key, version).await?;
        let request =
            self.client().get_object_legal_hold().bucket(self.name(bucket)).key(key).version_id(version);
        let held = match request.send().instrument(span("get_legal_hold", bucket)).await {
            Ok(answer) => answer
                .legal_hold()
                .and_then(ObjectLockLegalHold::status)
                .is_some_and(|status| *status == ObjectLockLegalHoldStatus::On),
            Err(error) if error.code() == Some(NO_LOCK) => false,
            Err(error) if status(&error) == Some(404) => return Err(Error::Missing(key.to_owned())),
            Err(error) => return Err(request_error("tell a legal hold", error)),
        };
        Ok(LockState { retention, held })
    }

    async fn retention(&self, bucket: Bucket, key: &str, version: &str) -> Result<Option<Retention>, Error> {
        let request =
            self.client().get_object_retention().bucket(self.name(bucket)).key(key).version_id(version);
        match request.send().instrument(span("get_retention", bucket)).await {
            Ok(answer) => Ok(answer.retention().and_then(read)),
            Err(error) if error.code() == Some(NO_LOCK) => Ok(None),
            Err(error) if status(&error) == Some(404) => Err(Error::Missing(key.to_owned())),
            Err(error) => match error.raw_response().and_then(by_another_name) {
                Some(retention) => Ok(Some(retention)),
                None => Err(request_error("tell a retention", error)),
            },
        }
    }
}

/// versitygw calls the answer's outermost element `ObjectLockRetention`, which the SDK refuses; the rest is as it
/// should be.
fn by_another_name(answer: &HttpResponse) -> Option<Retention> {
    let text = std::str::from_utf8(answer.body().bytes()?).ok().filter(|_| answer.status().is_success())?;
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(value, _)| value)
    };
    let until = DateTime::from_str(element("RetainUntilDate")?, DateTimeFormat::DateTime).ok()?;
    let mode = ObjectLockRetentionMode::from(element("Mode")?);
    read(&ObjectLockRetention::builder().mode(mode).retain_until_date(until).build())
}

/// The version has no lock, and never had one. A 404 on AWS, a 400 elsewhere.
const NO_LOCK: &str = "NoSuchObjectLockConfiguration";

fn read(retention: &ObjectLockRetention) -> Option<Retention> {
    let mode = match retention.mode()? {
        ObjectLockRetentionMode::Governance => LockMode::Governance,
        // A mode of tomorrow is taken for the strict one.
        _ => LockMode::Compliance,
    };
    let until = retention.retain_until_date()?;
    let until = OffsetDateTime::from_unix_timestamp(until.secs()).ok()?;
    Some(Retention { mode, until })
}

fn whole_seconds(at: OffsetDateTime) -> OffsetDateTime {
    match at.nanosecond() {
        0 => at,
        rest => at + Duration::SECOND - Duration::nanoseconds(i64::from(rest)),
    }
}
