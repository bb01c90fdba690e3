//! An object, or an upload in parts: a version wants it.

use std::collections::BTreeMap;

use blobs::{Bucket, Kept, OpenUpload};
use ids::DocumentId;
use uuid::Uuid;

use super::report::{Finding, Outcome, Seen};
use super::{Mode, Reconciler};
use crate::db::reconciliation::Owner;
use crate::domain::{ObjectKey, Status, Stored};
use crate::{Error, db};

/// Versions by document and number.
pub(super) type Owners = BTreeMap<(DocumentId, i32), Owner>;

/// Whose keys these are; what is not there, or has a key of nobody's, is left out.
pub(super) async fn owners<'k>(
    reconciler: &Reconciler,
    keys: impl Iterator<Item = &'k str>,
) -> Result<Owners, Error> {
    let mut named: Vec<(DocumentId, i32)> =
        keys.filter_map(ObjectKey::parse).map(|key| (key.document, key.version)).collect();
    named.dedup();
    let (documents, versions): (Vec<Uuid>, Vec<i32>) =
        named.into_iter().map(|(document, version)| (document.as_uuid(), version)).unzip();
    let owners = reconciler.system(move |tx| {
        Box::pin(async move { db::reconciliation::owners(tx, &documents, &versions).await })
    });
    Ok(owners.await?.into_iter().map(|owner| ((owner.document_id, owner.version), owner)).collect())
}

pub(super) async fn look(
    reconciler: &Reconciler,
    bucket: Bucket,
    kept: &Kept,
    owners: &Owners,
    mode: Mode,
) -> Result<Vec<Seen>, Error> {
    let seen = |finding, outcome| Ok(vec![Seen::of(finding, outcome, &kept.key)]);
    let Some(key) = key(bucket, &kept.key) else { return seen(Finding::Foreign, Outcome::Remains) };
    let owner = owners.get(&(key.document, key.version));
    if owner.is_some_and(|owner| owner.status.wants(key.stored)) {
        return Ok(Vec::new());
    }
    if kept.version.stored_at > reconciler.horizon() {
        return seen(Finding::Orphan, Outcome::Young);
    }
    if mode == Mode::Look {
        return seen(Finding::Orphan, Outcome::Remains);
    }
    let Some(unwanted) = unwanted(reconciler, key, owner).await? else { return Ok(Vec::new()) };
    failpoint::pass("reconcile::checked");
    match delete(reconciler, bucket, kept, unwanted).await {
        Ok(()) => {
            failpoint::pass("reconcile::deleted");
            tracing::info!(s3.key = kept.key, "object of no version deleted");
            seen(Finding::Orphan, Outcome::Healed)
        }
        Err(blobs::Error::Locked(_)) => {
            tracing::error!(s3.key = kept.key, "object of no version is locked");
            seen(Finding::LockedOrphan, Outcome::Remains)
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn look_at_upload(
    reconciler: &Reconciler,
    bucket: Bucket,
    open: &OpenUpload,
    owners: &Owners,
    mode: Mode,
) -> Result<Vec<Seen>, Error> {
    let seen = |outcome| Ok(vec![Seen::of(Finding::OpenUpload, outcome, &open.key)]);
    let key = key(bucket, &open.key);
    let owner = key.and_then(|key| owners.get(&(key.document, key.version)));
    if owner.is_some_and(|owner| awaits(owner.status)) {
        return Ok(Vec::new());
    }
    if open.since > reconciler.horizon() {
        return seen(Outcome::Young);
    }
    if mode == Mode::Look {
        return seen(Outcome::Remains);
    }
    // What has a key of nobody's has no row to ask.
    if let Some(key) = key
        && unwanted(reconciler, key, owner).await?.is_none()
    {
        return Ok(Vec::new());
    }
    reconciler.state.blobs.abort(bucket, &open.key, &open.id).await?;
    failpoint::pass("reconcile::ended_upload");
    tracing::info!(s3.key = open.key, "upload in parts that nobody awaits ended");
    seen(Outcome::Healed)
}

/// Reads a key of this bucket.
fn key(bucket: Bucket, key: &str) -> Option<ObjectKey> {
    ObjectKey::parse(key).filter(|key| match bucket {
        Bucket::Intake => key.stored == Stored::Upload,
        Bucket::Evidence => matches!(key.stored, Stored::Evidence | Stored::Preview),
        Bucket::Replica => key.stored == Stored::Evidence,
        // Nothing there is a version of a document.
        Bucket::Audit | Bucket::Exports => false,
    })
}

/// Whether parts may still come.
fn awaits(status: Status) -> bool {
    !status.is_settled()
}

/// Why nobody wants an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unwanted {
    /// Its version was erased: no lock that the store still knows is one of ours.
    Erased,
    /// Its version never had use for it, or there is none.
    Nobodys,
}

/// Looks once more, at the locked row; `None` where the object is wanted after all.
async fn unwanted(
    reconciler: &Reconciler,
    key: ObjectKey,
    owner: Option<&Owner>,
) -> Result<Option<Unwanted>, Error> {
    let Some(owner) = owner else {
        let name = [(key.document.as_uuid(), key.version)];
        let (documents, versions): (Vec<_>, Vec<_>) = name.into_iter().unzip();
        let found = reconciler.system(move |tx| {
            Box::pin(async move { db::reconciliation::owners(tx, &documents, &versions).await })
        });
        return Ok(found.await?.is_empty().then_some(Unwanted::Nobodys));
    };
    let (tenant, id) = (owner.tenant.clone(), owner.id);
    let locked = reconciler.state.db.tenant(&owner.tenant, move |tx| {
        Box::pin(async move { Ok::<_, Error>(db::documents::lock_version(tx, &tenant, id).await?) })
    });
    let Some(version) = locked.await? else { return Ok(None) };
    Ok(match version.lifecycle.status() {
        status if status.wants(key.stored) => None,
        Status::Erased => Some(Unwanted::Erased),
        _ => Some(Unwanted::Nobodys),
    })
}

async fn delete(
    reconciler: &Reconciler,
    bucket: Bucket,
    kept: &Kept,
    unwanted: Unwanted,
) -> Result<(), blobs::Error> {
    let (blobs, Kept { key, version }) = (&reconciler.state.blobs, kept);
    let erased = unwanted == Unwanted::Erased && matches!(bucket, Bucket::Evidence | Bucket::Replica);
    match blobs.delete_version(bucket, key, &version.id, erased).await {
        Err(blobs::Error::Locked(_)) if erased => {
            blobs.legal_hold(bucket, key, &version.id, false).await?;
            blobs.delete_version(bucket, key, &version.id, true).await
        }
        deleted => deleted,
    }
}
