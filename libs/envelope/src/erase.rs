use clock::Clock;
use ids::Subject;
use pg::Tx;
use time::OffsetDateTime;

use crate::store;

/// Destroys every key of a subject and leaves a tombstone, in this transaction; `false` when it was erased before. Waits
/// for whoever is sealing for the subject now; whoever comes later is refused.
///
/// # Errors
/// What the database says.
pub async fn erase(tx: &mut Tx, clock: &Clock, subject: &Subject) -> Result<bool, pg::Error> {
    store::alone(tx, subject).await?;
    let first = store::bury(tx, subject, clock.now()).await?;
    store::delete(tx, subject).await?;
    Ok(first)
}

/// When a subject was erased; `None` when it was not.
///
/// # Errors
/// What the database says.
pub async fn erased_at(tx: &mut Tx, subject: &Subject) -> Result<Option<OffsetDateTime>, pg::Error> {
    Ok(store::buried(tx, std::slice::from_ref(subject)).await?.pop().map(|(_, at)| at))
}
