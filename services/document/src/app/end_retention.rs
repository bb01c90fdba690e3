use clock::Clock;
use due::Next;
use ids::VersionId;
use pg::Tx;

use super::erasure::{Cause, Kept, erase, kept};
use crate::domain::{Document, Viewer};
use crate::{Error, db};

/// Erases a version that need not be kept any longer. Under a hold nothing is done: the hold's release schedules it
/// again. With the last version that could be read goes what is left of the document.
pub async fn end_retention(tx: &mut Tx, clock: &Clock, id: VersionId) -> Result<Next, Error> {
    let tenant = tx.tenant().clone();
    let Some(version) = db::documents::lock_version(tx, &tenant, id).await? else { return Ok(Next::Done) };
    if !version.is_ready() {
        return Ok(Next::Done);
    }
    let standing = db::legal_holds::standing(tx, &tenant, version.id).await?;
    match kept(&version, &standing, clock.now()) {
        Some(Kept::Held) => return Ok(Next::Done),
        Some(Kept::Until(end)) => return Ok(Next::At(end)),
        None => {}
    }
    let all = db::documents::versions(tx, &tenant, &Viewer::Office, version.id).await?;
    let mut others = all.iter().filter(|other| other.version != version.version);
    let last =
        standing.is_empty() && others.all(|other| other.lifecycle.status().is_settled() && !other.is_ready());
    let goes = |other: &Document| last || other.version == version.version;
    erase(tx, clock, all, goes, Cause::RetentionEnded).await?;
    failpoint::pass("retention::written");
    Ok(Next::Done)
}
