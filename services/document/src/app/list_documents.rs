use auth::Caller;

use crate::domain::{Document, PageToken};
use crate::{Error, State, db};

/// A page of documents.
#[derive(Debug)]
pub struct Page {
    /// Newest first.
    pub documents: Vec<Document>,
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
    let (size, after) = super::page(page_size, page_token)?;
    let (tenant, viewer) = (caller.tenant.clone(), super::viewer(caller));
    // One more than asked for tells whether there is a next page.
    let limit = i64::from(size.get()) + 1;
    let documents = state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move {
                let before = after.map(PageToken::last);
                Ok::<_, Error>(db::documents::list(tx, &tenant, &viewer, before, limit).await?)
            })
        })
        .await?;

    let (documents, next) = super::cut(documents, size, |document| document.id.into());
    Ok(Page { documents, next })
}
