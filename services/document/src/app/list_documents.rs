use auth::Caller;
use proto::document::v1;

use super::names::Found;
use crate::domain::PageToken;
use crate::{Error, State, db};

/// A page of documents.
#[derive(Debug)]
pub struct Page {
    /// Newest first.
    pub documents: Vec<v1::Document>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<PageToken>,
}

/// Lists the documents that the caller may see, newest first.
pub async fn list_documents(
    state: &State,
    caller: &Caller,
    page_size: i32,
    page_token: &str,
) -> Result<Page, Error> {
    let (size, after) = paging::parse(page_size, page_token)?;
    let (tenant, viewer) = (caller.tenant.clone(), super::viewer(caller));
    // One more than asked for tells whether there is a next page.
    let limit = i64::from(size.get()) + 1;
    let (found, next) = state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move {
                let before = after.map(PageToken::last);
                let documents = db::documents::list(tx, &tenant, &viewer, before, limit).await?;
                let (documents, next) = paging::cut(documents, size, |document| document.id.into());
                Ok::<_, Error>((Found::new(tx, documents).await?, next))
            })
        })
        .await?;
    Ok(Page { documents: found.shown(state).await?, next })
}
