//! One call: headers, deadline, and another replica where the first was not reached.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Request, Response};
use tokio::time::{Instant, sleep_until, timeout_at};
use tonic::body::Body;
use tonic::{Code, Status, TimeoutExpired};
use tracing::{Instrument as _, Span};

use super::answer::Answer;
use super::body::Kept;
use super::replicas::Replicas;
use super::{DEFAULT_DEADLINE, unavailable};
use crate::{context, deadline as grpc_timeout, layers, request_id};

/// How long a call waits for the first addresses of its target.
const FIRST_ADDRESSES: Duration = Duration::from_secs(2);
/// Replicas that a call is tried at.
const TRIES: usize = 3;

#[derive(Debug, thiserror::Error)]
#[error("no replica is known")]
struct NoReplica;

pub(super) async fn send(
    replicas: Arc<Replicas>,
    mut request: Request<Body>,
) -> Result<Response<Body>, Status> {
    let span = telemetry::grpc::client_span(request.uri().path());
    let deadline = prepare(request.headers_mut(), &span);
    let call = try_replicas(replicas, request, deadline, span.clone()).instrument(span.clone());
    let answer = timeout_at(deadline, call).await.unwrap_or_else(|_elapsed| Err(layers::timed_out().into()));
    match &answer {
        Ok(response) => record(&span, response.headers()),
        Err(status) => record_code(&span, status.code()),
    }
    answer
}

/// Notes in the span how the call ended, where it ends with these headers or trailers.
pub(super) fn record(span: &Span, headers: &HeaderMap) {
    if let Some(code) = headers.get(Status::GRPC_STATUS) {
        record_code(span, Code::from_bytes(code.as_bytes()));
    }
}

fn record_code(span: &Span, code: Code) {
    span.record("rpc.grpc.status_code", i32::from(code));
    if code != Code::Ok {
        span.record("otel.status_code", "ERROR");
    }
}

/// Sets what every call carries, and says when it ends.
fn prepare(headers: &mut HeaderMap, span: &Span) -> Instant {
    let now = Instant::now();
    let current = context::current();
    let asked = grpc_timeout::read(headers).map(|wait| now + wait);
    let deadline = match (asked, current.as_ref().map(|call| call.deadline)) {
        (Some(asked), Some(outer)) => asked.min(outer),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => now + DEFAULT_DEADLINE,
    };
    grpc_timeout::write(headers, deadline.saturating_duration_since(now));
    telemetry::context::inject_span(span, headers);
    if let Some(id) = current.and_then(|call| call.request_id.header_value()) {
        headers.entry(request_id::HEADER).or_insert(id);
    }
    deadline
}

async fn try_replicas(
    replicas: Arc<Replicas>,
    request: Request<Body>,
    deadline: Instant,
    span: Span,
) -> Result<Response<Body>, Status> {
    let (parts, body) = request.into_parts();
    let body = Kept::new(body);
    let mut tried = Vec::new();
    let mut last = None;
    replicas.known_by(deadline.min(Instant::now() + FIRST_ADDRESSES)).await;
    while tried.len() < TRIES
        && let Some(backend) = replicas.pick(&tried)
    {
        let in_flight = backend.begin();
        match backend.send(Request::from_parts(parts.clone(), body.body())).await {
            Ok(response) => {
                let deadline = Box::pin(sleep_until(deadline));
                return Ok(
                    response.map(|body| Body::new(Answer { body, deadline, _in_flight: in_flight, span }))
                );
            }
            // tonic reads `grpc-timeout` as well, and its timer may be the sooner by a hair.
            Err(error) if is_timeout(&error) => return Err(layers::timed_out().into()),
            Err(error) => {
                backend.pass_over();
                let again = body.is_untouched() || (was_refused(&error) && body.is_whole());
                tracing::debug!(
                    peer.addr = %backend.addr,
                    error = &error as &dyn std::error::Error,
                    again,
                    "replica failed"
                );
                if !again {
                    return Err(unavailable(error));
                }
                tried.push(backend.addr);
                last = Some(error);
            }
        }
    }
    Err(match last {
        Some(error) => unavailable(error),
        None => unavailable(NoReplica),
    })
}

/// Whether the replica says that it has not looked at the call: it is stopping, or has too much to do (RFC 9113, 6.8 and
/// 8.7).
fn was_refused(error: &(dyn std::error::Error + 'static)) -> bool {
    match error.downcast_ref::<h2::Error>() {
        Some(error) if error.is_go_away() => {
            error.is_remote() && error.reason() == Some(h2::Reason::NO_ERROR)
        }
        Some(error) => error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM),
        None => error.source().is_some_and(was_refused),
    }
}

fn is_timeout(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<TimeoutExpired>() || error.source().is_some_and(is_timeout)
}
