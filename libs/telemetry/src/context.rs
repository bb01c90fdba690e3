//! The trace a piece of work belongs to, on its way between processes: W3C Trace Context.
//!
//! Over gRPC and HTTP it travels in headers ([`inject`], [`set_parent_from`]). Kafka records, SQS messages and outbox rows
//! carry the `traceparent` alone, as text ([`traceparent`], [`set_parent`]).

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator as _};
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, SpanId, TraceId};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Name of the header, attribute or Kafka header that carries the context.
pub const TRACEPARENT: &str = "traceparent";

/// The current span as `traceparent` (`00-<trace id>-<span id>-<flags>`), to store with a message. `None` outside of
/// any span.
#[must_use]
pub fn traceparent() -> Option<String> {
    with_current(|trace_id, span_id, sampled| format!("00-{trace_id}-{span_id}-{:02x}", u8::from(sampled)))
}

/// Id of the current trace, 32 hexadecimal digits. `None` outside of any span.
#[must_use]
pub fn current_trace_id() -> Option<String> {
    with_current(|trace_id, _, _| trace_id.to_string())
}

/// Makes `span` a child of the span that a message names. Call it before the span is entered; text that is no
/// `traceparent` is ignored, and the span starts a trace of its own.
pub fn set_parent(span: &Span, traceparent: &str) {
    adopt(span, &One(traceparent));
}

/// Makes `span` a child of the span that a request's headers name, as [`set_parent`].
pub fn set_parent_from(span: &Span, headers: &HeaderMap) {
    adopt(span, &Headers(headers));
}

/// Writes the current span into a request's headers, so that the other side's span becomes its child.
pub fn inject(headers: &mut HeaderMap) {
    inject_context(&Context::current(), headers);
}

/// Writes the given span into a request's headers.
pub fn inject_span(span: &Span, headers: &mut HeaderMap) {
    inject_context(&span.context(), headers);
}

fn inject_context(context: &Context, headers: &mut HeaderMap) {
    TraceContextPropagator::new().inject_context(context, &mut HeadersMut(headers));
}

fn adopt(span: &Span, carrier: &dyn Extractor) {
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), carrier);
    if context.span().span_context().is_valid() {
        // Fails where the span is disabled or was entered already; then it keeps the parent it has.
        let _ = span.set_parent(context);
    }
}

fn with_current<T>(read: impl FnOnce(TraceId, SpanId, bool) -> T) -> Option<T> {
    Context::map_current(|context| {
        let span = context.span();
        let span = span.span_context();
        span.is_valid().then(|| read(span.trace_id(), span.span_id(), span.is_sampled()))
    })
}

struct One<'t>(&'t str);

impl Extractor for One<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == TRACEPARENT).then_some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}

struct Headers<'h>(&'h HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct HeadersMut<'h>(&'h mut HeaderMap);

impl Injector for HeadersMut<'_> {
    fn set(&mut self, key: &str, value: String) {
        if value.is_empty() {
            return;
        }
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}
