//! Who may read a document, and why: its owner, staff, and whoever was given a grant that stands.

use auth::Caller;
use ids::{DocumentId, GrantId};
use pg::Tx;
use time::OffsetDateTime;

use super::get_document::find;
use crate::db::grants::Asking;
use crate::domain::{AccessPolicy, AccessPurpose, Document, Grant, Target, Version, Viewer};
use crate::{Error, db};

/// What lets somebody read a document.
#[derive(Debug, Clone)]
pub(super) enum Basis {
    /// It is theirs.
    Own,
    /// They work for the tenant.
    Office,
    /// It was shared with them.
    Grant(Box<Grant>),
}

/// Whose grants count for a caller.
pub(super) fn asking(caller: &Caller) -> Asking {
    let client = caller.calls_itself.then(|| caller.client_id.parse().ok()).flatten();
    Asking { subject: caller.subject.clone(), client }
}

/// Reads a document that the caller may read, as one of its versions shows it, and what lets them. Of several grants
/// it is one for `purpose`, if there is such a one.
///
/// For whom nothing ever covered it, the document does not exist; for whom something did, the grant is over.
pub(super) async fn read(
    tx: &mut Tx,
    caller: &Caller,
    id: DocumentId,
    version: Result<Option<Version>, Error>,
    purpose: &str,
    now: OffsetDateTime,
) -> Result<(Document, Basis), Error> {
    let tenant = tx.tenant().clone();
    if !caller.is_citizen() {
        return Ok((find(tx, &Viewer::Office, id, version).await?, Basis::Office));
    }
    let own = Viewer::Owner(caller.subjects());
    if db::documents::find(tx, &tenant, &own, id, None).await?.is_some() {
        return Ok((find(tx, &own, id, version).await?, Basis::Own));
    }
    let grant = db::grants::covering(tx, &tenant, &asking(caller), id, purpose, now).await?;
    let grant = grant.ok_or(Error::DocumentNotFound)?;
    if !grant.stands(now) {
        return Err(Error::GrantEnded);
    }
    Ok((find(tx, &Viewer::Office, id, version).await?, Basis::Grant(Box::new(grant))))
}

impl Basis {
    /// Why the document is read: what was named, where there is a choice.
    pub(super) fn purpose(&self, policy: &AccessPolicy, named: &str) -> Result<AccessPurpose, Error> {
        let refused = |rule: String| Err(Error::AccessPurpose(rule));
        match self {
            Self::Own if ["", AccessPurpose::OWN].contains(&named) => Ok(AccessPurpose::own()),
            Self::Own => refused(format!("must be left out, or `{}`", AccessPurpose::OWN)),
            Self::Office => match policy.purpose(named) {
                Some((purpose, _)) => Ok(purpose.clone()),
                None => refused(format!("must be one of: {}", policy.names(false))),
            },
            Self::Grant(grant) if ["", grant.purpose.as_str()].contains(&named) => Ok(grant.purpose.clone()),
            Self::Grant(_) => refused("must be left out, or the purpose of a grant that stands".to_owned()),
        }
    }

    /// The grant that lets them.
    pub(super) fn grant_id(&self) -> Option<GrantId> {
        match self {
            Self::Own | Self::Office => None,
            Self::Grant(grant) => Some(grant.id),
        }
    }

    /// Whose documents may be locked to write the access log.
    pub(super) fn viewer(&self, caller: &Caller) -> Viewer {
        match self {
            Self::Own => Viewer::Owner(caller.subjects()),
            Self::Office | Self::Grant(_) => Viewer::Office,
        }
    }

    /// Looks again, under the lock of the document's row, for what may be read until `end`: whoever revokes the grant
    /// or takes the document out of the case waits until this transaction ends, or has done so before.
    pub(super) async fn confirm(
        &self,
        tx: &mut Tx,
        document: &Document,
        now: OffsetDateTime,
        end: OffsetDateTime,
    ) -> Result<(), Error> {
        let Self::Grant(grant) = self else { return Ok(()) };
        let tenant = tx.tenant().clone();
        let shared = db::grants::share(tx, &tenant, grant.id).await?;
        if !shared.is_some_and(|grant| grant.stands(now) && end <= grant.until) {
            return Err(Error::GrantEnded);
        }
        match &grant.target {
            Target::Document(_) => Ok(()),
            Target::Case(case_ref) if db::grants::is_of_case(tx, &tenant, case_ref, document.id).await? => {
                Ok(())
            }
            Target::Case(_) => Err(Error::DocumentNotFound),
        }
    }
}
