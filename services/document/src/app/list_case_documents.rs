use auth::Caller;

use super::Page;
use super::names::Found;
use crate::domain::PageToken;
use crate::{Error, State, db};

/// Lists a case's documents, newest first.
pub async fn list_case_documents(
    state: &State,
    caller: &Caller,
    case_ref: &str,
    page_size: i32,
    page_token: &str,
) -> Result<Page, Error> {
    let case_ref = super::case_ref(case_ref)?;
    let (size, after) = paging::parse(page_size, page_token)?;
    let (tenant, limit) = (caller.tenant.clone(), i64::from(size.get()) + 1);
    let (found, next) = state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move {
                let before = after.map(PageToken::last);
                let documents = db::documents::of_case(tx, &tenant, &case_ref, before, limit).await?;
                let (documents, next) = paging::cut(documents, size, |document| document.id.into());
                Ok::<_, Error>((Found::new(tx, documents).await?, next))
            })
        })
        .await?;
    Ok(Page { documents: found.shown(state).await?, next })
}
