//! What gRPC and HTTP servers have in common around a handler.

use std::panic::AssertUnwindSafe;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use futures::FutureExt as _;
use rpc_error::{Code, Error, reason};

/// Runs what is inside; a panic becomes an error. The panic hook has written message and place already.
pub(crate) async fn catch_panic(request: Request, next: Next) -> Result<Response, Error> {
    AssertUnwindSafe(next.run(request))
        .catch_unwind()
        .await
        .map_err(|_panic| Error::new(Code::Internal, reason::INTERNAL, "the handler panicked"))
}

/// The answer to a call above the concurrency limit.
pub(crate) fn overloaded() -> Error {
    Error::new(Code::ResourceExhausted, reason::OVERLOADED, "too many calls at once")
        .retry_after(std::time::Duration::from_secs(1))
}

/// The answer to a call that took longer than its caller waits.
pub(crate) fn timed_out() -> Error {
    Error::new(Code::DeadlineExceeded, reason::TIMEOUT, "the deadline has passed")
}
