//! Checkpoints in the bucket, which lets go of nothing: what a verifier trusts.

use blobs::{Blobs, Bucket, Kept, LockMode, Retention};
use evidence::{Chain, Checkpoint, PublicKeys, sha256};
use futures::{StreamExt as _, TryStreamExt as _};
use ids::Tenant;
use time::Duration;

use crate::Error;
use crate::error::Broken;

/// How long a checkpoint cannot be deleted, by nobody.
const KEEP: Duration = Duration::days(3_653);
/// Objects that are read at the same time.
const PARALLEL: usize = 32;
/// Most bytes of a checkpoint; one has some 400.
const MAX: usize = 4_096;
const PAGE: u16 = 1_000;

/// Keys count down, since stores list them upwards: the newest checkpoint is the first of a listing.
fn key(chain: &Chain, seq: i64) -> String {
    format!("{}{:019}.json", prefix(chain), i64::MAX - seq)
}

fn prefix(chain: &Chain) -> String {
    format!("checkpoints/{}/{}/", chain.service, chain.tenant)
}

/// Stores a checkpoint, which nobody can delete before its time.
pub(crate) async fn put(blobs: &Blobs, chain: &Chain, checkpoint: &Checkpoint) -> Result<(), Error> {
    let bytes = serde_json::to_vec(checkpoint).unwrap_or_default();
    let retention = Retention { mode: LockMode::Compliance, until: checkpoint.signed_at + KEEP };
    let (key, digest) = (key(chain, checkpoint.seq), sha256(&bytes));
    blobs.put_locked(Bucket::Audit, &key, "application/json", bytes, digest, retention).await?;
    Ok(())
}

/// The newest checkpoint; `None` where there is none yet.
pub(crate) async fn newest(
    blobs: &Blobs,
    chain: &Chain,
    keys: &PublicKeys,
) -> Result<Option<Checkpoint>, Error> {
    let mut after: Option<String> = None;
    loop {
        let found = blobs.walk(Bucket::Audit, &prefix(chain), after.as_deref(), 10).await?;
        let Some(last) = found.last() else { return Ok(None) };
        after = Some(last.key.clone());
        if let Some(found) = found.into_iter().find(|kept| !kept.version.deleted) {
            let checkpoint = read(blobs, &found).await?;
            let genuine = checkpoint.filter(|checkpoint| checkpoint.is_genuine(keys, chain));
            return genuine.map(Some).ok_or_else(|| Broken::Forged(found.key).into());
        }
    }
}

/// Everything under the chain's name, also what somebody has marked as deleted.
pub(crate) async fn all(blobs: &Blobs, chain: &Chain) -> Result<Vec<(String, Option<Checkpoint>)>, Error> {
    let (mut all, mut after) = (Vec::new(), None::<String>);
    loop {
        let found = blobs.walk(Bucket::Audit, &prefix(chain), after.as_deref(), PAGE).await?;
        let Some(last) = found.last() else { return Ok(all) };
        after = Some(last.key.clone());
        let found = found.into_iter().filter(|kept| !kept.version.deleted);
        let read = futures::stream::iter(found).map(|found| async move {
            let checkpoint = read(blobs, &found).await?;
            Ok::<_, Error>((found.key, checkpoint))
        });
        all.extend(read.buffered(PARALLEL).try_collect::<Vec<_>>().await?);
    }
}

/// Tenants of which there are checkpoints of this service, by name.
pub(crate) async fn tenants(blobs: &Blobs, service: &str) -> Result<Vec<Tenant>, Error> {
    let prefix = format!("checkpoints/{service}/");
    let (mut tenants, mut after) = (Vec::new(), None::<String>);
    loop {
        let found = blobs.walk(Bucket::Audit, &prefix, after.as_deref(), 2).await?;
        let name = found.first().and_then(|kept| kept.key.strip_prefix(&prefix)?.split('/').next());
        let Some(tenant) = name.and_then(|name| name.parse().ok()) else { return Ok(tenants) };
        after = Some(beyond(&prefix, &tenant));
        tenants.push(tenant);
    }
}

/// A key that sorts behind all of the tenant's, and before those of the next one.
fn beyond(prefix: &str, tenant: &Tenant) -> String {
    format!("{prefix}{tenant}/~")
}

async fn read(blobs: &Blobs, found: &Kept) -> Result<Option<Checkpoint>, Error> {
    let body = blobs.get_version(Bucket::Audit, &found.key, Some(&found.version.id)).await?;
    if body.size() > MAX as u64 {
        return Ok(None);
    }
    Ok(serde_json::from_slice(&body.all(MAX).await?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_checkpoints_come_first_and_other_tenants_are_apart() {
        let chain = |tenant: &str| Chain { service: "document".into(), tenant: tenant.parse().unwrap() };
        let (a, ab) = (chain("a"), chain("a-b"));
        assert!(key(&a, 10) < key(&a, 9) && key(&a, i64::MAX) < key(&a, 1));
        let last = beyond("checkpoints/document/", &a.tenant);
        assert!(key(&a, 1) < last);
        assert!(!(key(&ab, 1) < last && key(&ab, 1) > key(&a, i64::MAX)), "not among those of `a`");
    }
}
