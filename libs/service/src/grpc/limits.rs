//! How many calls at once, and how long each.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::{DEFAULT_DEADLINE, MAX_DEADLINE, is_infrastructure, refuse};
use crate::context::{self, Context};
use crate::{RequestId, deadline as grpc_timeout, layers};

/// Refuses calls above the limit at once: waiting would only make them late as well.
pub(super) async fn concurrency(
    State(limit): State<Arc<Semaphore>>,
    request: Request,
    next: Next,
) -> Response {
    // A service under load is not a service that is ill.
    if is_infrastructure(request.uri().path()) {
        return next.run(request).await;
    }
    match limit.try_acquire() {
        Ok(_permit) => next.run(request).await,
        Err(_none_left) => refuse(layers::overloaded()),
    }
}

/// Ends the handler when its caller has stopped waiting, and tells what it calls how long that is.
pub(super) async fn deadline(request: Request, next: Next) -> Response {
    let wait = grpc_timeout::read(request.headers()).map_or(DEFAULT_DEADLINE, |wait| wait.min(MAX_DEADLINE));
    let deadline = Instant::now() + wait;
    let request_id = request.extensions().get::<RequestId>().cloned().unwrap_or_else(RequestId::new);
    let call = context::scope(Context { request_id, deadline }, next.run(request));
    timeout_at(deadline, call).await.unwrap_or_else(|_elapsed| refuse(layers::timed_out()))
}
