use auth::Caller;
use proto::document::v1;

use crate::db::access_log::Access;
use crate::domain::PageToken;
use crate::{Error, State, db};

/// A page of a document's access log.
#[derive(Debug)]
pub struct Accesses {
    /// Newest first.
    pub accesses: Vec<Access>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<PageToken>,
}

/// Lists who could download a document, of the caller's own or, for staff, of the tenant. Grantees are not told.
pub async fn list_accesses(
    state: &State,
    caller: &Caller,
    request: &v1::ListAccessesRequest,
) -> Result<Accesses, Error> {
    let id = super::document_id(&request.document_id)?;
    let (size, after) = paging::parse(request.page_size, &request.page_token)?;
    let (tenant, viewer) = (caller.tenant.clone(), super::viewer(caller));
    let limit = i64::from(size.get()) + 1;
    let accesses = state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move {
                let found = db::documents::find(tx, &tenant, &viewer, id, None).await?;
                found.ok_or(Error::DocumentNotFound)?;
                let before = after.map(PageToken::last);
                Ok::<_, Error>(db::access_log::list(tx, &tenant, id, before, limit).await?)
            })
        })
        .await?;
    let (accesses, next) = paging::cut(accesses, size, |access| access.event_id.into());
    Ok(Accesses { accesses, next })
}
