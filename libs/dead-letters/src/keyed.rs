//! Work of many transactions under one idempotency key.

use std::future::Future;
use std::sync::Arc;

use auth::Caller;
use idempotency::{KEEP, Key, Scope};
use prost::Message;
use proto::Operation;
use rpc_error::Error;
use tonic::{Request, Response};

use crate::Api;

/// Does `work` and stores its answer under the call's key. The transaction of the key is open meanwhile, so that a second
/// call with it is told to wait; what `work` commits stays when the process dies before the answer is stored, which is
/// why `work` must bear repetition.
pub(crate) async fn once<R, M, F>(
    api: &Api,
    operation: Operation,
    request: &Request<R>,
    caller: &Caller,
    work: impl FnOnce() -> F + Send + 'static,
) -> Result<Response<M>, Error>
where
    R: Message,
    M: Message + Default + 'static,
    F: Future<Output = Result<M, Error>> + Send + 'static,
{
    let scope = Scope {
        tenant: caller.tenant.clone(),
        principal: caller.subject.clone(),
        operation,
        key: Key::from_metadata(request.metadata())?,
    };
    // Held by the work, which goes on when the caller goes away.
    let turn = Arc::clone(&api.turn).acquire_owned().await.map_err(Error::internal)?;
    let outcome = idempotency::run(&api.db, &api.clock, &scope, request.get_ref(), KEEP, move |_| {
        Box::pin(async move {
            let answer = work().await;
            drop(turn);
            answer
        })
    });
    Ok(outcome.await?.into_response())
}
