//! The erasure of a person: whatever is theirs goes, document by document; what has to be kept goes when that ends.
//!
//! Nothing is remembered of the way: each look asks the database what could go, has a due row erase each of these documents,
//! and reports once nothing is left to do. What was kept is looked at again when a hold is released, when something of the
//! person is erased, and every day.

use clock::Clock;
use due::Next;
use ids::{DocumentId, ErasureId, GrantId, Subject};
use pg::Tx;
use time::Duration;

use super::erasure::{Cause, Kept, erase, kept};
use super::{SUBJECT_DOCUMENT, SUBJECT_ERASURE, SUBJECT_GRANT, exports, keeping, revoke_grant};
use crate::db::subject_erasures::{Report, SubjectErasure};
use crate::domain::{Act, Document, Grantee, Lifecycle, Viewer};
use crate::{Error, db, events};

/// Documents that are erased, and grants that are ended, at once, each in a transaction of its own.
const BATCH: i64 = 50;
/// How long until the next look where others were to ask for it; they usually do.
const LOOK_AGAIN: Duration = Duration::minutes(1);
/// How long until the next look at what is kept.
const KEPT: Duration = Duration::days(1);

/// A hold of a case.
const LEGAL_HOLD: &str = "LEGAL_HOLD";
/// A class of retention that the store keeps by compliance lock.
const RETAINED_BY_LAW: &str = "RETAINED_BY_LAW";

/// Takes the request to erase a person: from the commit on nothing can be sealed for them. Asked again, it reports again.
pub async fn begin(tx: &mut Tx, clock: &Clock, id: ErasureId, subject: &Subject) -> Result<(), Error> {
    let (tenant, now) = (tx.tenant().clone(), clock.now());
    envelope::bury(tx, clock, subject).await?;
    db::subject_erasures::begin(tx, &tenant, id, subject, now).await?;
    // Copies go at once, of what is kept too.
    exports::erase_of(tx, subject, now).await?;
    Ok(due::schedule(tx, SUBJECT_ERASURE, id.into(), now).await?)
}

/// Has the next documents erased, and the next grants to the person ended; where none can be, destroys the key if nothing is kept, and reports what changed once the
/// objects are gone.
pub async fn advance(tx: &mut Tx, clock: &Clock, id: ErasureId) -> Result<Next, Error> {
    let (tenant, now) = (tx.tenant().clone(), clock.now());
    let Some(erasure) = db::subject_erasures::lock(tx, &tenant, id).await? else { return Ok(Next::Done) };
    let lawful = keeping::lawful(tx).await?;
    let subject = &erasure.subject;
    let going = db::subject_erasures::going(tx, &tenant, subject, &lawful, now, BATCH).await?;
    for document in &going {
        due::schedule(tx, SUBJECT_DOCUMENT, (*document).into(), now).await?;
    }
    for grant in db::subject_erasures::going_grants(tx, &tenant, subject, BATCH).await? {
        due::schedule(tx, SUBJECT_GRANT, grant.into(), now).await?;
    }
    let found = db::subject_erasures::summary(tx, &tenant, subject, &lawful, now).await?;
    if found.under_way > 0 {
        return Ok(Next::At(now + LOOK_AGAIN));
    }
    if found.kept == 0 && !erasure.finished {
        envelope::destroy(tx, subject).await?;
        db::subject_erasures::finish(tx, &tenant, id, now).await?;
        tracing::info!(erasure.id = %id, "key destroyed, nothing is kept");
    }
    if found.stored > 0 {
        return Ok(Next::At(now + LOOK_AGAIN));
    }
    let reasons = [(LEGAL_HOLD, found.held), (RETAINED_BY_LAW, found.lawful)];
    let reasons = reasons.into_iter().filter(|(_, documents)| *documents > 0);
    let report = Report {
        erased: found.erased,
        kept: found.kept,
        kept_reasons: reasons.map(|(reason, _)| reason.to_owned()).collect(),
    };
    if erasure.reported.as_ref() != Some(&report) {
        db::subject_erasures::report(tx, &tenant, id, &report, now).await?;
        events::append_subject_erased(tx, clock, &erasure, &report).await?;
        tracing::info!(erasure.id = %id, erased = report.erased, kept = report.kept, "erasure reported");
    }
    Ok(if report.kept == 0 { Next::Done } else { Next::At(now + KEPT) })
}

/// Erases every version of a document that neither a hold nor the law keeps, with what staff wrote about it once none is
/// left.
pub async fn erase_for_subject(tx: &mut Tx, clock: &Clock, id: DocumentId) -> Result<Next, Error> {
    let (tenant, now) = (tx.tenant().clone(), clock.now());
    let locked = db::documents::lock(tx, &tenant, &Viewer::Office, id, None).await?;
    let Some(document) = locked else { return Ok(Next::Done) };
    let Some(erasure) = of(tx, &document.owner).await? else { return Ok(Next::Done) };
    let versions = db::documents::versions(tx, &tenant, &Viewer::Office, id).await?;
    let standing = db::legal_holds::standing(tx, &tenant, id).await?;
    let lawful = keeping::lawful(tx).await?;
    let goes = |version: &Document| match kept(version, &standing, now) {
        Some(Kept::Held) => false,
        Some(Kept::Until(_)) => !lawful.contains(&version.class.to_string()),
        None => true,
    };
    let after = erase(tx, clock, versions, goes, Cause::SubjectErased).await?;
    if after.iter().all(|version| version.lifecycle == Lifecycle::Erased) {
        forget_reasons(tx, clock, &document).await?;
    }
    due::schedule(tx, SUBJECT_ERASURE, erasure.id.into(), now).await?;
    Ok(Next::Done)
}

/// Forgets what staff wrote about a document of which nothing is left: about its holds, what they decided in quarantine,
/// and about grants of it and of its cases. Its own grants end, as there is nothing to read, so that no reason is given
/// for it later; those of cases go on for other documents.
async fn forget_reasons(tx: &mut Tx, clock: &Clock, document: &Document) -> Result<(), Error> {
    let (tenant, id, now) = (&document.tenant, document.id, clock.now());
    db::legal_holds::forget_reasons(tx, tenant, id).await?;
    db::quarantine_decisions::forget_reasons(tx, tenant, id).await?;
    for grant in db::grants::unrevoked(tx, tenant, id).await? {
        let act = Act { by: document.owner.clone(), at: now, grounds: None };
        revoke_grant::end(tx, clock, grant, Some(document), act).await?;
    }
    db::grants::forget_reasons_about(tx, tenant, id).await?;
    Ok(db::subject_erasures::set_reasons_gone(tx, tenant, id, now).await?)
}

/// Ends a grant to somebody who is erased, by themselves, and forgets what staff wrote about it.
pub async fn end_grant_for_subject(tx: &mut Tx, clock: &Clock, id: GrantId) -> Result<Next, Error> {
    let (tenant, now) = (tx.tenant().clone(), clock.now());
    let Some(grant) = db::grants::find(tx, &tenant, id).await? else { return Ok(Next::Done) };
    let Grantee::Person(subject) = &grant.grantee else { return Ok(Next::Done) };
    let Some(erasure) = of(tx, subject).await? else { return Ok(Next::Done) };
    let document = revoke_grant::lock_document(tx, &grant).await?;
    // The document, the erasure's due row, then grants: the order in which a document's own erasure takes them.
    due::schedule(tx, SUBJECT_ERASURE, erasure.id.into(), now).await?;
    let act = Act { by: subject.clone(), at: now, grounds: None };
    revoke_grant::end(tx, clock, id, document.as_ref(), act).await?;
    db::grants::forget_reasons(tx, &tenant, id).await?;
    Ok(Next::Done)
}

/// Has the erasure of this person, if there is one, look again: something of them may go now, or has gone.
pub(super) async fn look_again(tx: &mut Tx, clock: &Clock, subject: &Subject) -> Result<(), Error> {
    match of(tx, subject).await? {
        Some(erasure) => Ok(due::schedule(tx, SUBJECT_ERASURE, erasure.id.into(), clock.now()).await?),
        None => Ok(()),
    }
}

async fn of(tx: &mut Tx, subject: &Subject) -> Result<Option<SubjectErasure>, Error> {
    let tenant = tx.tenant().clone();
    Ok(db::subject_erasures::find_by_subject(tx, &tenant, subject).await?)
}
