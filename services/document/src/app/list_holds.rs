use auth::Caller;
use proto::document::v1;

use crate::db::legal_holds::Filter;
use crate::domain::{Hold, PageToken};
use crate::{Error, State, db};

/// A page of holds.
#[derive(Debug)]
pub struct Holds {
    /// Newest first.
    pub holds: Vec<Hold>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<PageToken>,
}

/// Lists holds of a document, of a case, or of the tenant, newest first.
pub async fn list_holds(
    state: &State,
    caller: &Caller,
    request: &v1::ListHoldsRequest,
) -> Result<Holds, Error> {
    let (size, after) = paging::parse(request.page_size, &request.page_token)?;
    let filter = Filter {
        document_id: super::given(&request.document_id).map(super::document_id).transpose()?,
        case_ref: super::given(&request.case_ref).map(super::case_ref).transpose()?,
        standing_only: request.standing_only,
    };
    let (tenant, limit) = (caller.tenant.clone(), i64::from(size.get()) + 1);
    let holds = state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move {
                let before = after.map(PageToken::last);
                Ok::<_, Error>(db::legal_holds::list(tx, &tenant, &filter, before, limit).await?)
            })
        })
        .await?;
    let (holds, next) = paging::cut(holds, size, |hold| hold.id.into());
    Ok(Holds { holds, next })
}
