use auth::Caller;

use super::Page;
use super::names::Found;
use crate::domain::PageToken;
use crate::{Error, State, db};

/// Lists what waits for a decision that the caller may take, the first declared first.
pub async fn list_quarantined(
    state: &State,
    caller: &Caller,
    page_size: i32,
    page_token: &str,
) -> Result<Page, Error> {
    let (size, after) = paging::parse(page_size, page_token)?;
    let (tenant, but, limit) = (caller.tenant.clone(), caller.subject.clone(), i64::from(size.get()) + 1);
    let (found, next) = state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move {
                let after = after.map(PageToken::last);
                let documents = db::documents::quarantined(tx, &tenant, &but, after, limit).await?;
                let (documents, next) = paging::cut(documents, size, |document| document.version_id.into());
                Ok::<_, Error>((Found::new(tx, documents).await?, next))
            })
        })
        .await?;
    Ok(Page { documents: found.shown(state).await?, next })
}
