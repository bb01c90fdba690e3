//! `GetAuditHead`.

use proto::operations::v1;
use tonic::{Request, Response};

use super::Api;
use crate::{Error, store};

pub(crate) async fn call(
    api: &Api,
    request: &Request<v1::GetAuditHeadRequest>,
) -> Result<Response<v1::GetAuditHeadResponse>, rpc_error::Error> {
    let tenant = auth::caller(request)?.tenant.clone();
    let of = tenant.clone();
    let read = api.books.db.tenant(&tenant, move |tx| {
        Box::pin(async move {
            let checkpoint = store::newest_checkpoint(tx, &of).await?;
            Ok::<_, Error>((store::head(tx, &of).await?, checkpoint))
        })
    });
    let (head, checkpoint) = read.await?;
    Ok(Response::new(v1::GetAuditHeadResponse {
        seq: head.map_or(0, |head| head.seq),
        hash: head.map(|head| head.hash.to_vec()).unwrap_or_default(),
        checkpoint: checkpoint.map(Into::into),
    }))
}
