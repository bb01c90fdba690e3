//! What a call carries to the calls made for it: its id and how long its caller waits.

use std::future::Future;

use tokio::time::Instant;

use crate::request_id::RequestId;

/// The call that is being worked on.
#[derive(Clone, Debug)]
pub struct Context {
    /// Id of the request this is all for.
    pub request_id: RequestId,
    /// When nobody waits any more.
    pub deadline: Instant,
}

tokio::task_local! {
    static CURRENT: Context;
}

/// The call that the current task works on; the servers of this crate set it. A spawned task has none unless it is given
/// one with [`scope`].
#[must_use]
pub fn current() -> Option<Context> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Works on `work` as part of a call: what it calls through [`crate::channel`] gets id and deadline.
pub async fn scope<F: Future>(context: Context, work: F) -> F::Output {
    CURRENT.scope(context, work).await
}
