//! One request as it is seen from outside: its id, span, metrics and log line.

use std::borrow::Cow;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::Method;
use opentelemetry::KeyValue;
use opentelemetry::metrics::Histogram;
use tracing::{Instrument as _, Span, field};

use crate::{RequestId, request_id};

/// Bounds of the duration histogram, in seconds; as in OpenTelemetry's conventions.
const BOUNDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// What requests are counted by.
#[derive(Clone)]
pub(super) struct Metrics {
    duration: Histogram<f64>,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let duration = opentelemetry::global::meter("service")
            .f64_histogram("http.server.request.duration")
            .with_unit("s")
            .with_description("Time from a request's head to its answer's head")
            .with_boundaries(BOUNDS.to_vec())
            .build();
        Self { duration }
    }
}

/// Accepts or makes the request id, and echoes it.
pub(super) async fn identify(mut request: Request, next: Next) -> Response {
    let id = RequestId::accept(request.headers());
    let echoed = id.header_value();
    request.extensions_mut().insert(id);
    let mut response = next.run(request).await;
    if let Some(id) = echoed {
        response.headers_mut().insert(request_id::HEADER, id);
    }
    response
}

/// Opens the span and sees the request to its answer: also when its client goes away.
pub(super) async fn observe(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let route = route(&request);
    let method = method(request.method());
    let id = request.extensions().get::<RequestId>().map_or("", RequestId::as_str);
    let span = tracing::info_span!(
        "http",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = field::Empty,
        http.request.method = method,
        http.route = &*route,
        http.response.status_code = field::Empty,
        request_id = id,
        tenant = field::Empty,
    );
    telemetry::context::set_parent_from(&span, request.headers());
    let quiet = matches!(&*route, "/health" | "/ready");
    let start = Instant::now();
    let mut ending = Ending { method, route, start, span: span.clone(), metrics, quiet, status: CLIENT_GONE };
    let response = next.run(request).instrument(span).await;
    ending.status = response.status().as_u16();
    response
}

/// The pattern that matched: paths themselves hold ids, and callers can make them up.
fn route(request: &Request) -> Cow<'static, str> {
    match request.extensions().get::<MatchedPath>() {
        Some(path) => path.as_str().to_owned().into(),
        None => "unknown".into(),
    }
}

fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "_OTHER",
    }
}

/// What proxies log for a client that went away before its answer.
const CLIENT_GONE: u16 = 499;

/// Notes how a request ended, when dropped.
struct Ending {
    method: &'static str,
    route: Cow<'static, str>,
    start: Instant,
    span: Span,
    metrics: Metrics,
    quiet: bool,
    status: u16,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let elapsed = self.start.elapsed();
        self.span.record("http.response.status_code", self.status);
        if self.status >= 500 {
            self.span.record("otel.status_code", "ERROR");
        }
        self.metrics.duration.record(
            elapsed.as_secs_f64(),
            &[
                KeyValue::new("http.request.method", self.method),
                KeyValue::new("http.route", self.route.clone()),
                KeyValue::new("http.response.status_code", i64::from(self.status)),
            ],
        );
        if !self.quiet {
            let duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
            self.span.in_scope(|| {
                tracing::info!(
                    http.request.method = self.method,
                    http.route = &*self.route,
                    http.response.status_code = self.status,
                    duration_ms,
                    "request"
                );
            });
        }
    }
}
