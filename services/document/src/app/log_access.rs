//! Writing the access log: the one place that does.

use auth::Caller;
use clock::Clock;
use ids::GrantId;
use pg::Tx;
use time::OffsetDateTime;

use crate::db::access_log::Access;
use crate::domain::{AccessPurpose, Document};
use crate::{Error, db, events};

/// What is written about a signed download beside who and what.
#[derive(Debug, Clone)]
pub(super) struct Signed {
    /// Why.
    pub(super) purpose: AccessPurpose,
    /// The grant that allowed it; `None` where none was needed.
    pub(super) grant_id: Option<GrantId>,
    /// When the URL was signed.
    pub(super) at: OffsetDateTime,
    /// Until when it can be used.
    pub(super) expires_at: OffsetDateTime,
}

/// Writes that the caller may download this version, and the event that says so. The document's row must be locked,
/// and whether they may must have been looked at under the lock: nothing is handed out before this commits.
pub(super) async fn log_access(
    tx: &mut Tx,
    clock: &Clock,
    caller: &Caller,
    document: &Document,
    signed: Signed,
) -> Result<(), Error> {
    let Signed { purpose, grant_id, at, expires_at } = signed;
    let event_id = events::append_accessed(tx, clock, document, &caller.subject, &purpose, grant_id).await?;
    let access = Access {
        event_id,
        tenant: document.tenant.clone(),
        document_id: document.id,
        version: document.version,
        accessor: caller.subject.clone(),
        client_id: caller.client_id.clone(),
        accessed_at: at,
        expires_at,
        purpose,
        grant_id,
    };
    Ok(db::access_log::insert(tx, &access).await?)
}
