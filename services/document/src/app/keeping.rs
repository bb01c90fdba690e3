//! How long a document is kept, and how: the tenant's policy in force. And what else follows from its being ready.

use clock::Clock;
use pg::Tx;
use time::{Duration, OffsetDateTime};

use super::{INTEGRITY, OBJECT_LOCKS, RETENTION, integrity_job, preview_job};
use crate::Error;
use crate::domain::policy::{LockMode, Period};
use crate::domain::{ClassName, Document, RetentionClass, RetentionPolicy};

/// The classes whose documents the law has us keep until their time, whoever is erased.
pub(super) async fn lawful(tx: &mut Tx) -> Result<Vec<String>, Error> {
    let policy = policy::current::<RetentionPolicy>(tx).await?.policy;
    let lawful = policy.classes.into_iter().filter(|(_, class)| class.lock_mode == LockMode::Compliance);
    Ok(lawful.map(|(name, _)| name.to_string()).collect())
}

/// What a class asks for now. One that the policy does not have any longer keeps as strictly as any.
pub(super) async fn class(tx: &mut Tx, name: &ClassName) -> Result<RetentionClass, Error> {
    let policy = policy::current::<RetentionPolicy>(tx).await?.policy;
    Ok(policy.class(name).cloned().unwrap_or_else(|| RetentionClass {
        keep_for: Period::years(10),
        legal_basis: "a class that is not in force any longer".to_owned(),
        lock_mode: LockMode::Governance,
        second_person: true,
    }))
}

/// Schedules what follows from a version having become ready, whoever made it so: its locks, the end of its retention, its
/// preview, and its first check.
pub(super) async fn keep(
    tx: &mut Tx,
    clock: &Clock,
    document: &Document,
    keep_for: Period,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let version = document.version_id.into();
    due::schedule(tx, OBJECT_LOCKS, version, now).await?;
    // A class of no time keeps until somebody erases.
    if let Some(end) = document.retain_until.filter(|_| !keep_for.is_zero()) {
        due::schedule(tx, RETENTION, version, end).await?;
    }
    preview_job::ask(tx, clock, document).await?;
    due::schedule(tx, INTEGRITY, version, now).await?;
    Ok(())
}

/// Whether a ready version lacks what [`keep`] asks for: it became ready under a release that did not know of previews or
/// checks.
pub(super) async fn is_behind(tx: &mut Tx, document: &Document) -> Result<bool, Error> {
    Ok(!due::is_scheduled(tx, INTEGRITY, document.version_id.into()).await?
        || preview_job::is_owed(tx, document).await?)
}

/// Asks for what it lacks. There may be many such versions: their turns are spread over `every`.
pub(super) async fn catch_up(
    tx: &mut Tx,
    clock: &Clock,
    document: &Document,
    every: Duration,
) -> Result<(), Error> {
    let (version, at) = (document.version_id.into(), clock.now() + integrity_job::turn(document, every));
    if !due::is_scheduled(tx, INTEGRITY, version).await? {
        due::schedule(tx, INTEGRITY, version, at).await?;
    }
    if preview_job::is_owed(tx, document).await? {
        preview_job::ask_later(tx, clock, document, at).await?;
    }
    Ok(())
}
