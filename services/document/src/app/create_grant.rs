use auth::Caller;
use clock::Clock;
use idempotency::{KEEP, Key, Outcome};
use ids::{GrantId, Subject};
use pg::Tx;
use proto::Operation;
use proto::document::v1;
use time::OffsetDateTime;

use super::grant_reasons;
use crate::domain::grant::{Broken, terms};
use crate::domain::{AccessPolicy, Act, Document, Grant, Grantee, Grounds, Lifecycle, Target, Viewer};
use crate::{Error, State, db, events};

/// Shares a document, or the documents of a case, those attached later too: from the commit on the grantee may read.
pub async fn create_grant(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::CreateGrantRequest,
) -> Result<Outcome<v1::Grant>, Error> {
    let grounds = super::grounds(&request.reason)?;
    let target = target(&request.document_id, &request.case_ref)?;
    let grantee = Grantee::parse(&request.grantee_subject, &request.grantee_client);
    let (purpose, until) = (request.purpose.clone(), super::time(request.until.as_ref()));
    let asked = Asked { target, grantee, purpose, until, by: caller.subject.clone(), grounds };

    let clock = state.clock.clone();
    let scope = super::scope(caller, Operation::SharingCreateGrant, key);
    let outcome = idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx| {
        Box::pin(async move {
            let now = clock.now();
            let grant = asked.give(tx, &clock, now).await?;
            Ok::<_, Error>(grant_reasons::without(&grant, now))
        })
    })
    .await?;
    grant_reasons::answer(state, caller, outcome).await
}

/// What the transaction needs to know of the call.
struct Asked {
    target: Target,
    grantee: Result<Grantee, Broken>,
    purpose: String,
    until: Option<OffsetDateTime>,
    by: Subject,
    grounds: Grounds,
}

impl Asked {
    /// Holds what is asked for to the policy in force, and writes the grant.
    async fn give(self, tx: &mut Tx, clock: &Clock, now: OffsetDateTime) -> Result<Grant, Error> {
        let policy = policy::current::<AccessPolicy>(tx).await?.policy;
        let terms = terms(&policy, &self.purpose, self.until, now);
        let (grantee, (purpose, until)) = match (self.grantee, terms) {
            (Ok(grantee), Ok(terms)) => (grantee, terms),
            (grantee, terms) => {
                return Err(Error::Grant(grantee.err().into_iter().chain(terms.err()).collect()));
            }
        };
        if let Grantee::Person(subject) = &grantee {
            // Their grants are ended when they are erased, and there come no more.
            envelope::stay(tx, subject).await?;
        }
        let tenant = tx.tenant().clone();
        let document = match &self.target {
            Target::Document(id) => {
                let locked = db::documents::lock(tx, &tenant, &Viewer::Office, *id, None).await?;
                Some(shareable(tx, locked.ok_or(Error::DocumentNotFound)?).await?)
            }
            Target::Case(_) => None,
        };
        let given = Act { by: self.by, at: now, grounds: Some(self.grounds) };
        let id = GrantId::mint(clock);
        let grant = Grant { id, tenant, target: self.target, grantee, purpose, until, given, revoked: None };
        db::grants::insert(tx, &grant).await?;
        events::append_granted(tx, clock, &grant, document.as_ref()).await?;
        Ok(grant)
    }
}

/// What a request shares: exactly one of the two.
pub(super) fn target(document_id: &str, case_ref: &str) -> Result<Target, Error> {
    match (document_id, case_ref) {
        (id, "") if !id.is_empty() => Ok(Target::Document(super::document_id(id)?)),
        ("", case_ref) if !case_ref.is_empty() => Ok(Target::Case(super::case_ref(case_ref)?)),
        _ => {
            let rule = "must be given, or else `case_ref`, not both".to_owned();
            Err(Error::Grant(vec![Broken { field: "document_id", rule }]))
        }
    }
}

/// A document of which something is left.
async fn shareable(tx: &mut Tx, document: Document) -> Result<Document, Error> {
    let versions = db::documents::versions(tx, &document.tenant, &Viewer::Office, document.id).await?;
    let gone = versions.iter().all(|version| version.lifecycle == Lifecycle::Erased);
    if gone { Err(Error::Erased) } else { Ok(document) }
}
