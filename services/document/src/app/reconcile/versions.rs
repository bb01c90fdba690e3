//! A version that can be read or is reviewed: its evidence is there, is what was declared, and is kept as the database asks;
//! and what follows from being ready is scheduled.

use blobs::{Blobs, Bucket};

use super::report::{Finding, Outcome, Seen};
use super::{Mode, Reconciler};
use crate::app::{keeping, object_locks, stored_object};
use crate::db::reconciliation::Owner;
use crate::domain::Document;
use crate::{Error, db};

/// What the store has of a version.
#[derive(Debug, PartialEq, Eq)]
enum Evidence {
    /// As it should be.
    Good,
    /// No bytes at all.
    Missing,
    /// Bytes behind the marks of deletions of these ids.
    Hidden(Vec<String>),
    /// Other bytes.
    Differs,
    /// The right bytes, kept in another way than the database asks.
    Locks,
}

pub(super) async fn look(reconciler: &Reconciler, owner: &Owner, mode: Mode) -> Result<Vec<Seen>, Error> {
    let state = &reconciler.state;
    let mut seen = Vec::new();
    // What was hidden may be wrong in other ways too.
    while let Some((version, evidence)) = ask(reconciler, owner).await? {
        let finding = match &evidence {
            Evidence::Good => break,
            Evidence::Missing => Finding::Missing,
            Evidence::Hidden(_) => Finding::Hidden,
            Evidence::Differs => Finding::Differs,
            Evidence::Locks => Finding::Locks,
        };
        let what = format!("{} {}/{}", owner.tenant, owner.document_id, owner.version);
        // What was looked at without a lock may have been erased meanwhile.
        if !has_evidence(reconciler, owner).await? {
            break;
        }
        let key = version.evidence_key();
        let healed = match evidence {
            Evidence::Hidden(marks) if mode == Mode::Heal => {
                for mark in marks {
                    state.blobs.delete_version(Bucket::Evidence, &key, &mark, false).await?;
                    failpoint::pass("reconcile::unhidden");
                }
                true
            }
            Evidence::Locks if mode == Mode::Heal => {
                object_locks::tell(state, &owner.tenant, owner.id).await?;
                failpoint::pass("reconcile::relocked");
                true
            }
            _ => false,
        };
        // Whatever was mended is looked at again: a store may say yes and not do it.
        let again = seen.iter().any(|seen: &Seen| seen.finding == finding);
        if healed && !again {
            seen.push(Seen::of(finding, Outcome::Healed, &what));
            continue;
        }
        seen.retain(|seen| seen.finding != finding);
        seen.push(Seen::of(finding, Outcome::Remains, &what));
        tracing::error!(
            tenant = %owner.tenant,
            document.id = %owner.document_id,
            version = owner.version,
            finding = finding.name(),
            "evidence is not as the database has it"
        );
        break;
    }
    seen.extend(catch_up(reconciler, owner, mode).await?);
    Ok(seen)
}

/// Asks for what the version was never asked for, where that is anything.
async fn catch_up(reconciler: &Reconciler, owner: &Owner, mode: Mode) -> Result<Option<Seen>, Error> {
    let state = &reconciler.state;
    let (tenant, id) = (owner.tenant.clone(), owner.id);
    let (clock, every) = (state.clock.clone(), state.integrity_every);
    let unit = state.db.tenant(&owner.tenant, move |tx| {
        Box::pin(async move {
            let Some(version) = db::documents::lock_version(tx, &tenant, id).await? else { return Ok(None) };
            if !version.is_ready() || !keeping::is_behind(tx, &version).await? {
                return Ok(None);
            }
            if mode == Mode::Look {
                return Ok(Some(Outcome::Remains));
            }
            keeping::catch_up(tx, &clock, &version, every).await?;
            Ok::<_, Error>(Some(Outcome::Healed))
        })
    });
    let what = format!("{} {}/{}", owner.tenant, owner.document_id, owner.version);
    Ok(unit.await?.map(|outcome| Seen::of(Finding::Unscheduled, outcome, &what)))
}

/// Reads the version and asks the store; `None` where the version has no evidence any more.
async fn ask(reconciler: &Reconciler, owner: &Owner) -> Result<Option<(Document, Evidence)>, Error> {
    let state = &reconciler.state;
    let Some((version, wanted)) = object_locks::asked(state, &owner.tenant, owner.id).await? else {
        return Ok(None);
    };
    let evidence = match evidence(&state.blobs, &version).await {
        // Deleted while it was looked at.
        Err(Error::Store(blobs::Error::Missing(_))) => Evidence::Missing,
        Ok(Evidence::Good) if !object_locks::are_met(state, &version, wanted).await? => Evidence::Locks,
        evidence => evidence?,
    };
    Ok(Some((version, evidence)))
}

async fn evidence(blobs: &Blobs, version: &Document) -> Result<Evidence, Error> {
    let key = version.evidence_key();
    let stored = blobs.versions(Bucket::Evidence, &key).await?;
    if stored.iter().all(|stored| stored.deleted) {
        return Ok(Evidence::Missing);
    }
    if stored.first().is_some_and(|newest| newest.deleted) {
        let marks = stored.into_iter().filter(|stored| stored.deleted);
        return Ok(Evidence::Hidden(marks.map(|mark| mark.id).collect()));
    }
    Ok(match blobs.head(Bucket::Evidence, &key).await? {
        None => Evidence::Missing,
        Some(head) if version.mismatch(&stored_object(&head)).is_some() => Evidence::Differs,
        Some(_) => Evidence::Good,
    })
}

/// Whether the version has evidence, under the lock of its document.
async fn has_evidence(reconciler: &Reconciler, owner: &Owner) -> Result<bool, Error> {
    let (tenant, id) = (owner.tenant.clone(), owner.id);
    let unit = reconciler.state.db.tenant(&owner.tenant, move |tx| {
        Box::pin(async move { Ok::<_, Error>(db::documents::lock_version(tx, &tenant, id).await?) })
    });
    Ok(unit.await?.is_some_and(|version| version.has_evidence()))
}
