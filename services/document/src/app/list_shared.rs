use auth::Caller;
use proto::document::v1;
use uuid::Uuid;

use super::names::Found;
use super::reading::asking;
use crate::db::grants::Covered;
use crate::domain::PageToken;
use crate::{Error, State, db};

/// A page of what is shared with somebody.
#[derive(Debug)]
pub struct SharedPage {
    /// Newest document first, as its newest version shows it, each with the grant that ends last.
    pub shared: Vec<(v1::Document, Covered)>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<PageToken>,
}

/// Lists the documents that the caller may read by a grant now. What is erased is not among them.
pub async fn list_shared(
    state: &State,
    caller: &Caller,
    page_size: i32,
    page_token: &str,
) -> Result<SharedPage, Error> {
    let (size, after) = paging::parse(page_size, page_token)?;
    let (asking, now) = (asking(caller), state.clock.now());
    let (tenant, limit) = (caller.tenant.clone(), i64::from(size.get()) + 1);
    let (found, next, covered) = state
        .db
        .tenant(&caller.tenant, move |tx| {
            Box::pin(async move {
                let before = after.map(PageToken::last);
                let documents = db::documents::shared(tx, &tenant, &asking, now, before, limit).await?;
                let (documents, next) = paging::cut(documents, size, |document| document.id.into());
                let ids: Vec<Uuid> = documents.iter().map(|document| document.id.into()).collect();
                let covered = db::grants::covering_each(tx, &tenant, &asking, &ids, now).await?;
                Ok::<_, Error>((Found::new(tx, documents).await?, next, covered))
            })
        })
        .await?;
    let covered = |id: &str| covered.iter().find(|covered| covered.document_id.to_string() == id);
    // One that was revoked between the two statements is not shared any longer.
    let shared = found.shown(state).await?.into_iter().filter_map(|document| {
        let covered = covered(&document.document_id)?.clone();
        Some((document, covered))
    });
    Ok(SharedPage { shared: shared.collect(), next })
}
