//! How many requests, how large, how long; and what a panic becomes.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, header};
use rpc_error::{Code, Error, reason};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::{Render, Settings};
use crate::context::{self, Context};
use crate::{RequestId, Shutdown, drain, layers};

#[derive(Clone)]
pub(super) struct Limits {
    concurrency: Arc<Semaphore>,
    max_body_bytes: u64,
    timeout: Duration,
    render: Render,
}

impl Limits {
    pub(super) fn new(settings: &Settings, render: Render) -> Self {
        Self {
            concurrency: Arc::new(Semaphore::new(settings.max_concurrency)),
            max_body_bytes: settings.max_body_bytes as u64,
            timeout: settings.timeout,
            render,
        }
    }
}

/// The id that [`super::request::identify`] has put there.
fn id(request: &Request) -> RequestId {
    request.extensions().get::<RequestId>().cloned().unwrap_or_else(RequestId::new)
}

pub(super) async fn panics(State(render): State<Render>, request: Request, next: Next) -> Response {
    let id = id(&request);
    layers::catch_panic(request, next).await.unwrap_or_else(|error| render(error, &id))
}

/// Ends the handler when the time is over, and tells what it calls when that is.
pub(super) async fn time(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    let request_id = id(&request);
    let deadline = Instant::now() + limits.timeout;
    let context = Context { request_id: request_id.clone(), deadline };
    let handled = timeout_at(deadline, context::scope(context, next.run(request))).await;
    handled.unwrap_or_else(|_elapsed| (limits.render)(layers::timed_out(), &request_id))
}

/// Refuses a body that says it is too large before a byte of it is read.
pub(super) async fn body(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    let max = limits.max_body_bytes;
    if content_length(request.headers()).is_some_and(|length| length > max) {
        let error =
            Error::new(Code::TooLarge, reason::BODY_TOO_LARGE, format!("a body has at most {max} bytes"));
        return (limits.render)(error, &id(&request));
    }
    next.run(request).await
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Refuses requests above the limit at once: waiting would only make them late as well.
pub(super) async fn concurrency(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    match limits.concurrency.try_acquire() {
        Ok(_permit) => next.run(request).await,
        Err(_none_left) => (limits.render)(layers::overloaded(), &id(&request)),
    }
}

/// An event stream lasts until its client goes away, or the service stops: clients then come back, to another replica.
pub(super) async fn end_event_streams(
    State(shutdown): State<Shutdown>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    let is_stream = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"));
    if is_stream { response.map(|body| drain::end_on_request(body, None, &shutdown)) } else { response }
}
