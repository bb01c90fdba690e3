//! Everything a bucket keeps, key by key.

use aws_sdk_s3::operation::list_object_versions::ListObjectVersionsOutput;
use tracing::Instrument;

use crate::store::{request_error, span};
use crate::versions::{Version, deleted, stored};
use crate::{Blobs, Bucket, Error};

/// A version of an object, or the mark of a deletion, in a walk over a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its key.
    pub key: String,
    /// Which of the key's.
    pub version: Version,
}

impl Blobs {
    /// The versions and marks of deletions of the next keys that begin with `prefix` and come after `after`, by key, newest
    /// first within one; nothing at the end. A key is given whole: go on after the last one. Asks for about `limit` (2 to 1,000) versions at once; a key
    /// that has more is given alone.
    ///
    /// # Errors
    /// [`Error::Request`].
    pub async fn walk(
        &self,
        bucket: Bucket,
        prefix: &str,
        after: Option<&str>,
        limit: u16,
    ) -> Result<Vec<Kept>, Error> {
        let (mut key, mut version) = (after.map(str::to_owned), None);
        let mut kept = loop {
            let request = self
                .client()
                .list_object_versions()
                .bucket(self.name(bucket))
                .prefix(prefix)
                .set_key_marker(key.clone())
                .set_version_id_marker(version.clone())
                .max_keys(i32::from(limit));
            let page = request.send().instrument(span("walk", bucket)).await;
            let page = page.map_err(|e| request_error("list a bucket", e))?;
            // Some stores begin with what they were told to begin after.
            let kept = behind(&page, after);
            if page.is_truncated != Some(true) {
                return Ok(kept);
            }
            if !kept.is_empty() {
                break kept;
            }
            let next = (page.next_key_marker, page.next_version_id_marker);
            if next == (key, version) {
                return Err(request_error("list a bucket", "the listing does not go on"));
            }
            (key, version) = next;
        };
        // The last key may go on in the next page.
        let (Some(first), Some(last)) = (kept.first(), kept.last()) else { return Ok(kept) };
        let last = last.key.clone();
        if first.key != last {
            kept.retain(|kept| kept.key != last);
            return Ok(kept);
        }
        let whole = self.versions(bucket, &last).await?;
        Ok(whole.into_iter().map(|version| Kept { key: last.clone(), version }).collect())
    }
}

/// What a page has behind a key, by key, newest first within one.
fn behind(page: &ListObjectVersionsOutput, after: Option<&str>) -> Vec<Kept> {
    let versions =
        page.versions().iter().filter_map(|v| Some(Kept { key: v.key.clone()?, version: stored(v)? }));
    let marks =
        page.delete_markers().iter().filter_map(|m| Some(Kept { key: m.key.clone()?, version: deleted(m)? }));
    let mut kept: Vec<_> =
        versions.chain(marks).filter(|kept| after.is_none_or(|after| kept.key.as_str() > after)).collect();
    kept.sort_by(|a, b| {
        let newest = |kept: &Kept| (!kept.version.latest, std::cmp::Reverse(kept.version.stored_at));
        a.key.cmp(&b.key).then_with(|| newest(a).cmp(&newest(b)))
    });
    kept
}
