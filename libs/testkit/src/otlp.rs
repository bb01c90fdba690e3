//! A collector of traces: in memory for tests, into a file for `otlp-collector`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// A finished span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// 32 hex digits.
    pub trace_id: String,
    /// 16 hex digits.
    pub span_id: String,
    /// Span id of the parent; empty for a root.
    pub parent: String,
    /// `service.name` of its process.
    pub service: String,
    /// Its name.
    pub name: String,
    /// `internal`, `server`, `client`, `producer`, `consumer`.
    pub kind: String,
    /// Start, nanoseconds since 1970.
    pub start_unix_nano: u64,
    /// End, nanoseconds since 1970.
    pub end_unix_nano: u64,
    /// Attributes, values as text.
    pub attributes: BTreeMap<String, String>,
    /// Span ids of linked spans, as `trace_id-span_id`.
    pub links: Vec<String>,
    /// `unset`, `ok`, or `error: …`.
    pub status: String,
}

/// Takes the spans of one export. Called in order, one export at a time.
pub type Sink = Box<dyn FnMut(Vec<Span>) -> std::io::Result<()> + Send>;

#[derive(Clone)]
struct Collector(Arc<Mutex<Sink>>);

/// Serves OTLP over gRPC until dropped; every export goes to `sink`. Metrics are accepted and dropped.
///
/// # Errors
/// When serving fails.
pub async fn serve(listener: TcpListener, sink: Sink) -> anyhow::Result<()> {
    let collector = Collector(Arc::new(Mutex::new(sink)));
    Server::builder()
        .add_service(TraceServiceServer::new(collector.clone()))
        .add_service(MetricsServiceServer::new(collector))
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)))
        .await?;
    Ok(())
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let spans = spans(request.into_inner());
        let mut sink = self.0.lock().map_err(|_| Status::internal("a sink panicked"))?;
        sink(spans).map_err(|error| Status::unavailable(error.to_string()))?;
        Ok(Response::new(ExportTraceServiceResponse { partial_success: None }))
    }
}

#[tonic::async_trait]
impl MetricsService for Collector {
    async fn export(
        &self,
        _: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        Ok(Response::new(ExportMetricsServiceResponse { partial_success: None }))
    }
}

/// A collector in memory.
#[derive(Debug)]
pub struct Otlp {
    addr: SocketAddr,
    seen: Arc<Seen>,
    server: AbortHandle,
}

#[derive(Debug, Default)]
struct Seen {
    spans: Mutex<Vec<Span>>,
    more: Notify,
}

/// Starts a collector in memory, on a port of its own.
///
/// # Panics
/// When no port is free.
pub async fn otlp() -> Otlp {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    let seen = Arc::new(Seen::default());
    let keep = Arc::clone(&seen);
    let sink: Sink = Box::new(move |spans| {
        keep.spans.lock().expect("no panic while locked").extend(spans);
        keep.more.notify_waiters();
        Ok(())
    });
    let server = tokio::spawn(async move {
        let _ = serve(listener, sink).await;
    });
    Otlp { addr, seen, server: server.abort_handle() }
}

impl Otlp {
    /// Value for `TELEMETRY__OTLP_ENDPOINT`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// All spans so far.
    ///
    /// # Panics
    /// When a condition given to [`Otlp::wait_for`] panicked.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        self.seen.spans.lock().expect("no panic while locked").clone()
    }

    /// The spans so far of one trace, by start.
    #[must_use]
    pub fn trace(&self, trace_id: &str) -> Vec<Span> {
        let mut spans = self.spans();
        spans.retain(|span| span.trace_id == trace_id);
        spans.sort_by_key(|span| span.start_unix_nano);
        spans
    }

    /// Waits until `found` finds what it looks for among all spans so far.
    ///
    /// # Errors
    /// When it did not in time: the names of all spans there are.
    pub async fn wait_for<T>(
        &self,
        within: Duration,
        found: impl Fn(&[Span]) -> Option<T>,
    ) -> anyhow::Result<T> {
        let deadline = tokio::time::Instant::now() + within;
        loop {
            let more = self.seen.more.notified();
            tokio::pin!(more);
            // From here on no export is missed.
            more.as_mut().enable();
            let spans = self.spans();
            if let Some(value) = found(&spans) {
                return Ok(value);
            }
            if tokio::time::timeout_at(deadline, more).await.is_err() {
                let names = spans.iter().fold(String::new(), |mut names, span| {
                    let _ = write!(names, "\n  {} {} {}", span.trace_id, span.service, span.name);
                    names
                });
                anyhow::bail!("not among the {} spans after {within:?}:{names}", spans.len());
            }
        }
    }
}

impl Drop for Otlp {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn spans(request: ExportTraceServiceRequest) -> Vec<Span> {
    let mut all = Vec::new();
    for resource in request.resource_spans {
        let attributes = resource.resource.map(|r| texts(r.attributes)).unwrap_or_default();
        let service = attributes.get("service.name").cloned().unwrap_or_default();
        for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            all.push(Span {
                trace_id: hex::encode(&span.trace_id),
                span_id: hex::encode(&span.span_id),
                parent: hex::encode(&span.parent_span_id),
                service: service.clone(),
                kind: kind(span.kind).to_owned(),
                name: span.name,
                start_unix_nano: span.start_time_unix_nano,
                end_unix_nano: span.end_time_unix_nano,
                attributes: texts(span.attributes),
                links: span
                    .links
                    .iter()
                    .map(|link| format!("{}-{}", hex::encode(&link.trace_id), hex::encode(&link.span_id)))
                    .collect(),
                status: match span.status {
                    Some(status) if status.code == 2 => format!("error: {}", status.message),
                    Some(status) if status.code == 1 => "ok".to_owned(),
                    _ => "unset".to_owned(),
                },
            });
        }
    }
    all
}

fn kind(kind: i32) -> &'static str {
    match kind {
        2 => "server",
        3 => "client",
        4 => "producer",
        5 => "consumer",
        _ => "internal",
    }
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    attributes.into_iter().map(|kv| (kv.key, kv.value.map(text).unwrap_or_default())).collect()
}

fn text(value: AnyValue) -> String {
    match value.value {
        Some(Any::StringValue(text)) => text,
        Some(Any::BoolValue(value)) => value.to_string(),
        Some(Any::IntValue(value)) => value.to_string(),
        Some(Any::DoubleValue(value)) => value.to_string(),
        Some(Any::BytesValue(bytes)) => hex::encode(bytes),
        Some(Any::ArrayValue(list)) => list.values.into_iter().map(text).collect::<Vec<_>>().join(","),
        _ => String::new(),
    }
}
