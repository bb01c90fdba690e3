use auth::Caller;
use proto::document::v1;
use time::OffsetDateTime;

use crate::db::grants::Filter;
use crate::domain::{Grant, Grantee, PageToken};
use crate::{Error, State, db};

/// A page of grants.
#[derive(Debug)]
pub struct Grants {
    /// Newest first.
    pub grants: Vec<Grant>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<PageToken>,
    /// When it was looked whether they stand.
    pub at: OffsetDateTime,
}

/// Lists grants of a document, of a case, of a grantee, or of the tenant, newest first.
pub async fn list_grants(
    state: &State,
    caller: &Caller,
    request: &v1::ListGrantsRequest,
) -> Result<Grants, Error> {
    let (size, after) = paging::parse(request.page_size, &request.page_token)?;
    let at = state.clock.now();
    let (subject, client) = (&request.grantee_subject, &request.grantee_client);
    let anybody = subject.is_empty() && client.is_empty();
    let grantee = (!anybody).then(|| Grantee::parse(subject, client)).transpose();
    let filter = Filter {
        document_id: super::given(&request.document_id).map(super::document_id).transpose()?,
        case_ref: super::given(&request.case_ref).map(super::case_ref).transpose()?,
        grantee: grantee.map_err(|broken| Error::Grant(vec![broken]))?,
        standing_at: request.standing_only.then_some(at),
    };
    let (tenant, limit) = (caller.tenant.clone(), i64::from(size.get()) + 1);
    let grants = state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move {
                let before = after.map(PageToken::last);
                Ok::<_, Error>(db::grants::list(tx, &tenant, &filter, before, limit).await?)
            })
        })
        .await?;
    let (grants, next) = paging::cut(grants, size, |grant| grant.id.into());
    Ok(Grants { grants, next, at })
}
