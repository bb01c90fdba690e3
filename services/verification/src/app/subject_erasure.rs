//! The erasure of a person: what they said, what providers answered and what was noted goes at once; ids, outcomes and decisions stay.

use clock::Clock;
use ids::{ErasureId, Subject};
use pg::Tx;

use crate::{Error, db, events};

/// Erases a person: cases that are not over are taken back, and the key is destroyed, in the same transaction. Asked again, it reports
/// again.
pub async fn erase(tx: &mut Tx, clock: &Clock, id: ErasureId, subject: &Subject) -> Result<(), Error> {
    let (tenant, now) = (tx.tenant().clone(), clock.now());
    for case in db::cases::lock_open_of(tx, &tenant, subject).await? {
        let moved = case.clone().withdraw(now)?;
        super::moves::write(tx, clock, &case, moved, None).await?;
    }
    envelope::erase(tx, clock, subject).await?;
    let cases = db::cases::forget(tx, &tenant, subject).await?;
    let erased = db::subject_erasures::record(tx, &tenant, (id, subject), now, cases).await?;
    events::append_subject_erased(tx, clock, (id, subject), erased).await?;
    tracing::info!(erasure.id = %id, erased, "erased, and reported");
    Ok(())
}
