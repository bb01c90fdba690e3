use clock::Clock;
use due::Next;
use ids::VersionId;
use pg::Tx;

use super::INTAKE_CLEANUP;
use crate::domain::{Changed, Lifecycle};
use crate::{Error, db, events};

/// Ends the wait for an upload that nobody confirmed in time.
pub async fn expire_upload(tx: &mut Tx, clock: &Clock, id: VersionId) -> Result<Next, Error> {
    let tenant = tx.tenant().clone();
    let Some(document) = db::documents::lock_version(tx, &tenant, id).await? else {
        return Ok(Next::Done);
    };
    let now = clock.now();
    match document.lifecycle {
        Lifecycle::PendingUpload { expires_at } if now < expires_at => Ok(Next::At(expires_at)),
        Lifecycle::PendingUpload { .. } => {
            let Changed { document, event } = document.expire(now)?;
            db::documents::update(tx, &document).await?;
            events::append(tx, clock, &document, event).await?;
            // Bytes may have been sent without a confirmation.
            due::schedule(tx, INTAKE_CLEANUP, id.into(), now).await?;
            failpoint::pass("expire::written");
            Ok(Next::Done)
        }
        // Confirmed while this was on its way.
        _ => Ok(Next::Done),
    }
}
