//! The erasure of a person: what their bills say goes when none of them is open any more; numbers and ids stay, as the books have to.
//!
//! Each look asks the database what is left, and reports when that has changed. While a bill is open the person has to be able to read
//! it; it is looked at again when one closes, and every day.

use clock::Clock;
use due::Next;
use ids::{ErasureId, Subject};
use pg::Tx;
use time::Duration;

use super::SUBJECT_ERASURE;
use crate::{Error, db, events};

/// How long until the next look at what is kept.
const KEPT: Duration = Duration::days(1);

/// Takes the request to erase a person: from the commit on nothing can be sealed for them. Asked again, it reports again.
pub async fn begin(tx: &mut Tx, clock: &Clock, id: ErasureId, subject: &Subject) -> Result<(), Error> {
    let (tenant, now) = (tx.tenant().clone(), clock.now());
    envelope::bury(tx, clock, subject).await?;
    db::subject_erasures::begin(tx, &tenant, id, subject, now).await?;
    Ok(due::schedule(tx, SUBJECT_ERASURE, id.into(), now).await?)
}

/// Destroys the key once no bill is open, and reports what has changed.
pub async fn advance(tx: &mut Tx, clock: &Clock, id: ErasureId) -> Result<Next, Error> {
    let (tenant, now) = (tx.tenant().clone(), clock.now());
    let Some(erasure) = db::subject_erasures::lock(tx, &tenant, id).await? else { return Ok(Next::Done) };
    let (open, closed) = db::bills::count(tx, &tenant, &erasure.subject).await?;
    let done = open == 0;
    if done && !erasure.finished {
        envelope::destroy(tx, &erasure.subject).await?;
        db::bills::forget(tx, &tenant, &erasure.subject).await?;
        db::payments::forget(tx, &tenant, &erasure.subject).await?;
        tracing::info!(erasure.id = %id, "key destroyed, nothing is kept");
    }
    // One key seals all of a person's bills: while one has to be read, none of them is empty.
    let report = if done { (closed, 0) } else { (0, open + closed) };
    if erasure.reported != Some(report) {
        db::subject_erasures::report(tx, &tenant, id, report, done.then_some(now)).await?;
        events::append_subject_erased(tx, clock, &erasure, report).await?;
        tracing::info!(erasure.id = %id, erased = report.0, kept = report.1, "erasure reported");
    }
    Ok(if done { Next::Done } else { Next::At(now + KEPT) })
}

/// Has the erasure of this person, if there is one, look again: a bill has closed.
pub(super) async fn look_again(tx: &mut Tx, clock: &Clock, subject: &Subject) -> Result<(), Error> {
    let tenant = tx.tenant().clone();
    if let Some(id) = db::subject_erasures::find(tx, &tenant, subject).await? {
        due::schedule(tx, SUBJECT_ERASURE, id.into(), clock.now()).await?;
    }
    Ok(())
}
