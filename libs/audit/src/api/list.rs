//! `ListAuditEntries`.

use proto::operations::v1;
use tonic::{Request, Response};

use super::{Api, page};
use crate::{Error, store};

pub(crate) async fn call(
    api: &Api,
    request: &Request<v1::ListAuditEntriesRequest>,
) -> Result<Response<v1::ListAuditEntriesResponse>, rpc_error::Error> {
    let tenant = auth::caller(request)?.tenant.clone();
    let message = request.get_ref();
    let (limit, before) = (page::limit(message.page_size)?, page::before(&message.page_token)?);
    let subject = Some(message.subject.clone()).filter(|subject| !subject.is_empty());
    let of = tenant.clone();
    let rows = api.books.db.tenant(&tenant, move |tx| {
        Box::pin(async move {
            // One more than the page tells that there is a next one.
            Ok::<_, Error>(store::list(tx, &of, subject.as_deref(), before, limit + 1).await?)
        })
    });
    let mut rows = rows.await?;
    let size = usize::try_from(limit).unwrap_or_default();
    let more = rows.len() > size;
    rows.truncate(size);
    let next = rows.last().filter(|_| more).map(|last| page::token(last.seq));
    Ok(Response::new(v1::ListAuditEntriesResponse {
        entries: rows.into_iter().map(Into::into).collect(),
        next_page_token: next.unwrap_or_default(),
    }))
}
