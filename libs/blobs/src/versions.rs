//! What a bucket has: keys, and all that a versioned bucket keeps of one.

use std::collections::BTreeSet;

use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{DeleteMarkerEntry, ObjectVersion};
use time::OffsetDateTime;
use tracing::Instrument;

use crate::store::{request_error, span, status};
use crate::{Blobs, Bucket, Error};

/// One version of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its id; `null` in a bucket without versions.
    pub id: String,
    /// Size in bytes; 0 where it marks a deletion.
    pub size: u64,
    /// Whether it is the one that is read.
    pub latest: bool,
    /// Whether it says that the key was deleted.
    pub deleted: bool,
    /// When it was stored.
    pub stored_at: OffsetDateTime,
}

/// An object of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// Size in bytes.
    pub size: u64,
    /// When it was stored.
    pub stored_at: OffsetDateTime,
}

impl Blobs {
    /// Up to `limit` (1 to 1,000) objects that can be read, of keys that begin with `prefix`, by key, beginning after
    /// `after`.
    ///
    /// # Errors
    /// [`Error::Request`].
    pub async fn list(
        &self,
        bucket: Bucket,
        prefix: &str,
        after: Option<&str>,
        limit: u16,
    ) -> Result<Vec<Object>, Error> {
        let request = self
            .client()
            .list_objects_v2()
            .bucket(self.name(bucket))
            .prefix(prefix)
            .set_start_after(after.map(str::to_owned))
            .max_keys(i32::from(limit));
        let page = request.send().instrument(span("list", bucket)).await;
        let page = page.map_err(|e| request_error("list objects", e))?;
        let object = |object: &aws_sdk_s3::types::Object| {
            Some(Object {
                key: object.key.clone()?,
                size: bytes(object.size),
                stored_at: at(object.last_modified.as_ref())?,
            })
        };
        Ok(page.contents().iter().filter_map(object).collect())
    }

    /// Everything the bucket keeps of `key`, the marks of deletions included, newest first.
    ///
    /// # Errors
    /// [`Error::Request`].
    pub async fn versions(&self, bucket: Bucket, key: &str) -> Result<Vec<Version>, Error> {
        let (mut versions, mut seen) = (Vec::new(), BTreeSet::new());
        let mut after: Option<(String, Option<String>)> = None;
        loop {
            let (key_marker, id_marker) = after.map_or((None, None), |(key, id)| (Some(key), id));
            let request = self
                .client()
                .list_object_versions()
                .bucket(self.name(bucket))
                .prefix(key)
                .set_key_marker(key_marker)
                .set_version_id_marker(id_marker);
            let page = request.send().instrument(span("list_versions", bucket)).await;
            let page = page.map_err(|e| request_error("list versions", e))?;
            let of_key = page.versions().iter().filter(|v| v.key() == Some(key)).filter_map(stored);
            let marks = page.delete_markers().iter().filter(|m| m.key() == Some(key)).filter_map(deleted);
            // Some stores begin a page with the last row of the page before.
            versions.extend(of_key.chain(marks).filter(|version| seen.insert(version.id.clone())));
            // The key itself sorts before all keys that only begin with it.
            after = match page.next_key_marker.filter(|next| next == key) {
                Some(next) if page.is_truncated == Some(true) => Some((next, page.next_version_id_marker)),
                _ => break,
            };
        }
        versions.sort_by_key(|version| (!version.latest, std::cmp::Reverse(version.stored_at)));
        Ok(versions)
    }

    /// Deletes everything the bucket keeps of `key`, for good. `bypass` lifts retentions in governance mode, where the
    /// credentials may. Returns the versions that stay, since a lock or a legal hold keeps them. Harmless where there is
    /// nothing.
    ///
    /// # Errors
    /// [`Error::Request`]; what was deleted until then stays so.
    pub async fn delete_all(&self, bucket: Bucket, key: &str, bypass: bool) -> Result<Vec<Version>, Error> {
        let mut kept = Vec::new();
        for version in self.versions(bucket, key).await? {
            match self.delete_version(bucket, key, &version.id, bypass).await {
                Ok(()) => {}
                Err(Error::Locked(_)) => kept.push(version),
                Err(error) => return Err(error),
            }
        }
        Ok(kept)
    }

    /// Deletes one version for good; harmless where it is not there.
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::Request`].
    pub async fn delete_version(
        &self,
        bucket: Bucket,
        key: &str,
        version: &str,
        bypass: bool,
    ) -> Result<(), Error> {
        let request = self
            .client()
            .delete_object()
            .bucket(self.name(bucket))
            .key(key)
            .version_id(version)
            .set_bypass_governance_retention(bypass.then_some(true));
        match request.send().instrument(span("delete_version", bucket)).await {
            Ok(_) => Ok(()),
            Err(error) if status(&error) == Some(404) => Ok(()),
            Err(error) if status(&error) == Some(403) => Err(Error::Locked(key.to_owned())),
            Err(error) => Err(request_error("delete a version", error)),
        }
    }
}

pub(crate) fn stored(version: &ObjectVersion) -> Option<Version> {
    Some(Version {
        id: version.version_id.clone()?,
        size: bytes(version.size),
        latest: version.is_latest == Some(true),
        deleted: false,
        stored_at: at(version.last_modified.as_ref())?,
    })
}

pub(crate) fn deleted(mark: &DeleteMarkerEntry) -> Option<Version> {
    Some(Version {
        id: mark.version_id.clone()?,
        size: 0,
        latest: mark.is_latest == Some(true),
        deleted: true,
        stored_at: at(mark.last_modified.as_ref())?,
    })
}

fn bytes(size: Option<i64>) -> u64 {
    size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0)
}

fn at(time: Option<&DateTime>) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(time?.secs()).ok()
}
