use clock::Clock;
use ids::Subject;
use pg::Tx;
use time::OffsetDateTime;

use crate::{Error, store};

/// Destroys every key of a subject and leaves a tombstone, in this transaction; `false` when it was erased before. Waits
/// for whoever is sealing for the subject now; whoever comes later is refused.
///
/// # Errors
/// What the database says.
pub async fn erase(tx: &mut Tx, clock: &Clock, subject: &Subject) -> Result<bool, pg::Error> {
    let first = bury(tx, clock, subject).await?;
    destroy(tx, subject).await?;
    Ok(first)
}

/// The first half of [`erase`], where something has to be kept for a time: leaves the tombstone, so that nobody seals for the
/// subject any more, and its keys, so that what they have sealed can be opened; `false` when there was one. Waits for
/// whoever is sealing for the subject now.
///
/// # Errors
/// What the database says.
pub async fn bury(tx: &mut Tx, clock: &Clock, subject: &Subject) -> Result<bool, pg::Error> {
    store::alone(tx, subject).await?;
    store::lock_alone(tx, subject).await?;
    store::bury(tx, subject, clock.now()).await
}

/// The second half: destroys every key of a subject. From the commit on nothing that they have sealed can be opened.
///
/// # Errors
/// What the database says.
pub async fn destroy(tx: &mut Tx, subject: &Subject) -> Result<(), pg::Error> {
    store::delete(tx, subject).await
}

/// For what is kept about a subject and is not sealed for them: refuses when they were erased or buried, and has whoever
/// wants to wait until this transaction ends.
///
/// # Errors
/// [`Error::Erased`], [`Error::Database`].
pub async fn stay(tx: &mut Tx, subject: &Subject) -> Result<(), Error> {
    store::beside(tx, subject).await?;
    // A statement of its own: one that has waited for a lock sees what was there before it waited.
    if erased_at(tx, subject).await?.is_some() { Err(Error::Erased) } else { Ok(()) }
}

/// Since when a subject gets no key and nobody seals for it; `None` when it was neither erased nor buried.
///
/// # Errors
/// What the database says.
pub async fn erased_at(tx: &mut Tx, subject: &Subject) -> Result<Option<OffsetDateTime>, pg::Error> {
    Ok(store::buried(tx, std::slice::from_ref(subject)).await?.pop().map(|(_, at)| at))
}
