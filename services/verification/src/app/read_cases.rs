//! Cases and their histories as callers may see them.

use auth::Caller;
use envelope::Wrapped;
use prost::Message as _;
use proto::verification::v1;

use crate::db::cases::APPLICANT;
use crate::db::entries::Entry;
use crate::domain::{Case, PageToken, Status};
use crate::grpc::cases::{for_person, shown};
use crate::{Error, State, db};

/// Reads a case, with what they said of themselves.
pub async fn get_case(state: &State, caller: &Caller, id: &str) -> Result<v1::Case, Error> {
    let id = super::case_id(id)?;
    let (tenant, subjects) = (caller.tenant.clone(), super::subjects(caller));
    let found = state.db.tenant(&caller.tenant, move |tx| {
        Box::pin(async move {
            let case = db::cases::find(tx, &tenant, subjects.as_deref(), id).await?;
            let case = case.ok_or(Error::CaseNotFound)?;
            let documents = db::cases::documents(tx, &tenant, id, case.round).await?;
            let checks = db::checks::of_round(tx, &tenant, id, case.round).await?;
            let decision = db::decisions::newest(tx, &tenant, id).await?;
            let sealed = db::cases::applicant(tx, &tenant, id).await?;
            let keys = Wrapped::find(tx, vec![case.subject.clone()]).await?;
            Ok::<_, Error>((case, documents, checks, decision, sealed, keys))
        })
    });
    let (case, documents, checks, decision, sealed, keys) = found.await?;
    let mut answer = shown(&case, &documents, &checks, decision.as_ref());
    // A service is told ids and codes.
    if caller.service().is_none()
        && let Some(sealed) = sealed
    {
        let keys = state.envelope.unwrap(keys).await?;
        let said = keys.fetched().open(&case.subject, APPLICANT, &sealed)?;
        answer.applicant = said.and_then(|said| v1::Applicant::decode(said.as_slice()).ok());
    }
    Ok(if caller.is_citizen() { for_person(answer) } else { answer })
}

/// Lists cases, newest first.
pub async fn list_cases(
    state: &State,
    caller: &Caller,
    request: &v1::ListCasesRequest,
    status: Option<Status>,
) -> Result<(Vec<Case>, Option<PageToken>), Error> {
    let (size, after) = paging::parse(request.page_size, &request.page_token)?;
    let (tenant, subjects, limit) =
        (caller.tenant.clone(), super::subjects(caller), i64::from(size.get()) + 1);
    let cases = state.db.tenant(&caller.tenant, move |tx| {
        Box::pin(async move {
            let before = after.map(PageToken::last);
            Ok::<_, Error>(db::cases::list(tx, &tenant, subjects.as_deref(), status, before, limit).await?)
        })
    });
    Ok(paging::cut(cases.await?, size, |case| case.id.into()))
}

/// Lists what has happened to a case.
pub async fn list_entries(state: &State, caller: &Caller, id: &str) -> Result<Vec<Entry>, Error> {
    let id = super::case_id(id)?;
    let (tenant, subjects) = (caller.tenant.clone(), super::subjects(caller));
    let entries = state.db.tenant(&caller.tenant, move |tx| {
        Box::pin(async move {
            db::cases::find(tx, &tenant, subjects.as_deref(), id).await?.ok_or(Error::CaseNotFound)?;
            Ok::<_, Error>(db::entries::of_case(tx, &tenant, id).await?)
        })
    });
    let mut entries = entries.await?;
    if caller.is_citizen() {
        for entry in &mut entries {
            (entry.account, entry.by) = (None, None);
        }
    }
    Ok(entries)
}
