//! One call as it is seen from outside: its id, span, metrics and log line.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use opentelemetry::KeyValue;
use opentelemetry::metrics::Histogram;
use proto::Operation;
use tonic::{Code, Status};
use tracing::{Instrument as _, Span};

use super::is_infrastructure;
use crate::RequestId;
use crate::request_id;

/// Bounds of the duration histogram, in seconds.
const BOUNDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// What calls are counted by.
#[derive(Clone)]
pub(super) struct Metrics {
    duration: Histogram<f64>,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let duration = opentelemetry::global::meter("service")
            .f64_histogram("rpc.server.duration")
            .with_unit("s")
            .with_description("Time from a call's head to the end of its answer")
            .with_boundaries(BOUNDS.to_vec())
            .build();
        Self { duration }
    }
}

/// Accepts or makes the request id, opens the span, and sees the call to its end: also when its caller goes away.
pub(super) async fn observe(State(metrics): State<Metrics>, mut request: Request, next: Next) -> Response {
    let request_id = RequestId::accept(request.headers());
    let (service, method) = names(request.uri().path());
    let path = format!("/{service}/{method}");
    let span = telemetry::grpc::server_span(&path, request.headers(), request_id.as_str());
    let quiet = is_infrastructure(request.uri().path());
    let ending =
        Ending { service, method, start: Instant::now(), span: span.clone(), metrics, quiet, code: None };

    let echoed = request_id.header_value();
    request.extensions_mut().insert(request_id);
    let mut response = next.run(request).instrument(span).await;
    if let Some(id) = echoed {
        response.headers_mut().insert(request_id::HEADER, id);
    }
    if let Some(code) = code(response.headers()) {
        ending.end(code);
        return response;
    }
    response.map(|body| Body::new(Watched { body, ending: Some(ending) }))
}

/// Service and method as they are counted; what is not known is counted as one, since callers can make names up.
fn names(path: &str) -> (&'static str, &'static str) {
    if let Some(operation) = Operation::from_path(path) {
        return (operation.service(), operation.method());
    }
    match path {
        "/grpc.health.v1.Health/Check" => ("grpc.health.v1.Health", "Check"),
        "/grpc.health.v1.Health/Watch" => ("grpc.health.v1.Health", "Watch"),
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo" => {
            ("grpc.reflection.v1.ServerReflection", "ServerReflectionInfo")
        }
        _ => ("unknown", "unknown"),
    }
}

fn code(headers: &HeaderMap) -> Option<Code> {
    headers.get(Status::GRPC_STATUS).map(|code| Code::from_bytes(code.as_bytes()))
}

/// Notes how a call ended, once. Dropped before, the caller has gone away.
struct Ending {
    service: &'static str,
    method: &'static str,
    start: Instant,
    span: Span,
    metrics: Metrics,
    quiet: bool,
    code: Option<Code>,
}

impl Ending {
    fn end(mut self, code: Code) {
        self.code = Some(code);
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let code = self.code.unwrap_or(Code::Cancelled);
        let elapsed = self.start.elapsed();
        self.span.record("rpc.grpc.status_code", i32::from(code));
        if is_server_fault(code) {
            self.span.record("otel.status_code", "ERROR");
        }
        let name = name(code);
        self.metrics.duration.record(
            elapsed.as_secs_f64(),
            &[
                KeyValue::new("rpc.service", self.service),
                KeyValue::new("rpc.method", self.method),
                KeyValue::new("rpc.grpc.status", name),
            ],
        );
        if !self.quiet {
            let duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
            self.span.in_scope(|| {
                tracing::info!(
                    rpc.service = self.service,
                    rpc.method = self.method,
                    rpc.status = name,
                    duration_ms,
                    "call"
                );
            });
        }
    }
}

/// As OpenTelemetry's conventions have it for servers.
fn is_server_fault(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}

/// The code's name in the specification.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// An answer's body, read along for the status in its trailers.
struct Watched {
    body: Body,
    ending: Option<Ending>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        let end = match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                frame.trailers_ref().map(|trailers| code(trailers).unwrap_or(Code::Unknown))
            }
            Poll::Ready(Some(Err(_))) => Some(Code::Internal),
            // Without trailers: something that is not gRPC.
            Poll::Ready(None) => Some(Code::Unknown),
            Poll::Pending => None,
        };
        if let (Some(code), Some(ending)) = (end, end.and_then(|_| self.ending.take())) {
            ending.end(code);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        // Trailers are to be seen.
        self.ending.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
