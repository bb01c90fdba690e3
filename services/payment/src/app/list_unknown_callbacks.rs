use auth::Caller;
use proto::payment::v1;

use super::Page;
use crate::db::callbacks::UnknownCallback;
use crate::domain::PageToken;
use crate::{Error, State, db};

/// Lists callbacks about no payment of ours, newest first: somebody else uses the account, or what is there was not made by us.
pub async fn list_unknown_callbacks(
    state: &State,
    caller: &Caller,
    request: &v1::ListUnknownCallbacksRequest,
) -> Result<Page<UnknownCallback>, Error> {
    let (size, after) = paging::parse(request.page_size, &request.page_token)?;
    let (tenant, limit) = (caller.tenant.clone(), i64::from(size.get()) + 1);
    let rows = state.db.tenant(&caller.tenant, move |tx| {
        Box::pin(async move {
            let before = after.map(PageToken::last);
            Ok::<_, Error>(db::callbacks::list_unknown(tx, &tenant, before, limit).await?)
        })
    });
    Ok(paging::cut(rows.await?, size, |callback| callback.id.into()))
}
