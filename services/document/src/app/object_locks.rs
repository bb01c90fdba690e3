//! Telling the object store what the database keeps: retention and holds of a version's evidence.
//!
//! The database decides; the store only keeps its bytes from being deleted by whoever goes past it. It is told after
//! the commit, by a task, which afterwards looks whether what it told is still what holds. Two tasks that tell the store
//! in the wrong order therefore end with a third.

use blobs::{Bucket, LockMode, Retention};
use ids::{Tenant, VersionId};
use pg::Tx;

use super::{OBJECT_LOCKS, keeping};
use crate::domain::{Document, policy};
use crate::{Error, State, db};

/// What should keep a version's evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    retention: Option<Retention>,
    held: bool,
}

/// Makes the store's locks on a version's evidence those that the database asks for.
pub(super) async fn tell(state: &State, tenant: &Tenant, id: VersionId) -> Result<(), Error> {
    let told = asked(state, tenant, id).await?;
    failpoint::pass("locks::asked");
    if let Some((version, wanted)) = &told {
        apply(state, version, *wanted).await?;
    }

    failpoint::pass("locks::told");
    let (told, now) = (told.map(|(_, wanted)| wanted), state.clock.now());
    let settled = state
        .db
        .tenant(tenant, move |tx| {
            Box::pin(async move {
                let of = tx.tenant().clone();
                let holds_now = match db::documents::lock_version(tx, &of, id).await? {
                    Some(version) if version.has_evidence() => Some(wanted(tx, &version).await?),
                    _ => None,
                };
                if holds_now == told {
                    due::cancel(tx, OBJECT_LOCKS, id.into()).await?;
                } else {
                    due::schedule(tx, OBJECT_LOCKS, id.into(), now).await?;
                }
                Ok::<_, Error>(())
            })
        })
        .await;
    failpoint::pass("locks::settled");
    settled
}

/// A version that can be read or is reviewed, and what should keep its evidence.
pub(super) async fn asked(
    state: &State,
    tenant: &Tenant,
    id: VersionId,
) -> Result<Option<(Document, Wanted)>, Error> {
    state
        .db
        .tenant(tenant, move |tx| {
            Box::pin(async move {
                let of = tx.tenant().clone();
                match db::documents::find_version(tx, &of, id).await? {
                    Some(version) if version.has_evidence() => {
                        let wanted = wanted(tx, &version).await?;
                        Ok::<_, Error>(Some((version, wanted)))
                    }
                    _ => Ok(None),
                }
            })
        })
        .await
}

/// Whether the store keeps every stored version of the evidence like that: at least as long and as strictly, and under
/// a hold if and only if there is one.
pub(super) async fn are_met(state: &State, version: &Document, wanted: Wanted) -> Result<bool, Error> {
    let (blobs, key, now) = (&state.blobs, version.evidence_key(), state.clock.now());
    let retention = wanted.retention.filter(|retention| now < retention.until);
    for stored in blobs.versions(Bucket::Evidence, &key).await? {
        if stored.deleted {
            continue;
        }
        let locks = blobs.lock_state(Bucket::Evidence, &key, &stored.id).await?;
        let kept = retention.is_none_or(|wanted| {
            locks.retention.is_some_and(|has| has.mode >= wanted.mode && has.until >= wanted.until)
        });
        if !kept || locks.held != wanted.held {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn wanted(tx: &mut Tx, version: &Document) -> Result<Wanted, Error> {
    let mode = match keeping::class(tx, &version.class).await?.lock_mode {
        policy::LockMode::None => None,
        policy::LockMode::Governance => Some(LockMode::Governance),
        policy::LockMode::Compliance => Some(LockMode::Compliance),
    };
    let retention = mode.zip(version.retain_until).map(|(mode, until)| Retention { mode, until });
    let standing = db::legal_holds::standing(tx, &version.tenant, version.id).await?;
    Ok(Wanted { retention, held: standing.iter().any(|hold| hold.covers(version.version)) })
}

async fn apply(state: &State, version: &Document, wanted: Wanted) -> Result<(), Error> {
    let (blobs, key, now) = (&state.blobs, version.evidence_key(), state.clock.now());
    let stored = blobs.versions(Bucket::Evidence, &key).await?;
    let stored: Vec<_> = stored.iter().filter(|stored| !stored.deleted).collect();
    if stored.is_empty() {
        return Err(Error::EvidenceMissing);
    }
    for stored in stored {
        // A store takes no end that is past; what is due is about to be erased.
        if let Some(retention) = wanted.retention.filter(|retention| now < retention.until) {
            blobs.put_retention(Bucket::Evidence, &key, &stored.id, retention).await?;
            failpoint::pass("locks::retained");
        }
        if blobs.lock_state(Bucket::Evidence, &key, &stored.id).await?.held != wanted.held {
            blobs.legal_hold(Bucket::Evidence, &key, &stored.id, wanted.held).await?;
        }
    }
    Ok(())
}
