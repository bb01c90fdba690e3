use auth::Caller;

use super::Page;
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
    let (size, after) = super::page(page_size, page_token)?;
    let (tenant, limit) = (caller.tenant.clone(), i64::from(size.get()) + 1);
    let documents = state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move {
                let before = after.map(PageToken::last);
                Ok::<_, Error>(db::documents::of_case(tx, &tenant, &case_ref, before, limit).await?)
            })
        })
        .await?;
    let (documents, next) = super::cut(documents, size, |document| document.id.into());
    Ok(Page { documents, next })
}
