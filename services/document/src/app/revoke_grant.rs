use auth::Caller;
use clock::Clock;
use idempotency::{KEEP, Key, Outcome};
use ids::GrantId;
use pg::Tx;
use proto::Operation;
use proto::document::v1;

use super::grant_reasons;
use crate::domain::{Act, Document, Grant, Target, Viewer};
use crate::{Error, State, db, events};

/// Ends a grant: once this has committed nothing is signed by it. What was ended before stays as it was.
///
/// Locks are taken as by whoever reads: the document's row, so that its events are in order, then the grant's.
pub async fn revoke_grant(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::RevokeGrantRequest,
) -> Result<Outcome<v1::Grant>, Error> {
    let grounds = super::grounds(&request.reason)?;
    let id = request.grant_id.parse().map_err(|_| Error::GrantNotFound)?;

    let (tenant, clock, by) = (caller.tenant.clone(), state.clock.clone(), caller.subject.clone());
    let scope = super::scope(caller, Operation::SharingRevokeGrant, key);
    let outcome = idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx| {
        Box::pin(async move {
            let grant = db::grants::find(tx, &tenant, id).await?.ok_or(Error::GrantNotFound)?;
            let document = lock_document(tx, &grant).await?;
            let now = clock.now();
            let act = Act { by, at: now, grounds: Some(grounds) };
            let grant = end(tx, &clock, id, document.as_ref(), act).await?;
            Ok::<_, Error>(grant_reasons::without(&grant, now))
        })
    })
    .await?;
    grant_reasons::answer(state, caller, outcome).await
}

/// Locks the document that a grant is of, as whoever reads by it does; `None` for a case's.
pub(super) async fn lock_document(tx: &mut Tx, grant: &Grant) -> Result<Option<Document>, Error> {
    match grant.target {
        Target::Document(of) => Ok(db::documents::lock(tx, &grant.tenant, &Viewer::Office, of, None).await?),
        Target::Case(_) => Ok(None),
    }
}

/// Ends a grant and tells of it, unless it is revoked already. The row of its document must be locked, where it has one.
pub(super) async fn end(
    tx: &mut Tx,
    clock: &Clock,
    id: GrantId,
    document: Option<&Document>,
    act: Act,
) -> Result<Grant, Error> {
    let tenant = tx.tenant().clone();
    let grant = db::grants::lock(tx, &tenant, id).await?.ok_or(Error::GrantNotFound)?;
    if grant.revoked.is_some() {
        return Ok(grant);
    }
    db::grants::set_revoked(tx, &tenant, id, &act).await?;
    let grant = grant.revoke(act);
    events::append_revoked(tx, clock, &grant, document).await?;
    Ok(grant)
}
