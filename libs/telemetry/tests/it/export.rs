//! What reaches a collector, and what happens where there is none.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use telemetry::{Settings, context};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};
use tracing::Instrument as _;
use tracing::instrument::WithSubscriber as _;
use tracing::{debug_span, info_span};

use crate::capture::subscriber;

const SOON: Duration = Duration::from_secs(10);

fn settings(endpoint: &str) -> Settings {
    Settings { otlp_endpoint: Some(endpoint.parse().expect("an endpoint")), ..Settings::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_reach_the_collector_with_their_service_and_parents() -> anyhow::Result<()> {
    let collector = testkit::otlp().await;
    let (_, subscriber, guard) = subscriber(&settings(&collector.endpoint()));
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    async {
        let span = info_span!("handle", otel.kind = "consumer", document_id = "d-1");
        context::set_parent(&span, parent);
        async {
            let _ = debug_span!("too fine").entered();
            let _ = info_span!(target: "h2::proto", "of the transport").entered();
            tokio::task::yield_now().instrument(info_span!("db.documents.update")).await;
        }
        .instrument(span)
        .await;
    }
    .with_subscriber(subscriber)
    .await;

    let spans = collector.wait_for(SOON, |spans| (spans.len() >= 2).then(|| spans.to_vec())).await?;
    assert_eq!(spans.len(), 2, "{spans:?}");
    let handle = spans.iter().find(|span| span.name == "handle").unwrap();
    let update = spans.iter().find(|span| span.name == "db.documents.update").unwrap();
    assert_eq!((&*handle.service, &*handle.kind), ("document", "consumer"));
    assert_eq!((&*handle.trace_id, &*handle.parent), (&parent[3..35], &parent[36..52]));
    assert_eq!(handle.attributes["document_id"], "d-1");
    assert_eq!((&update.trace_id, &update.parent), (&handle.trace_id, &handle.span_id));
    guard.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn shutdown_sends_what_is_left_also_on_one_thread() {
    let collector = testkit::otlp().await;
    let (_, subscriber, guard) = subscriber(&settings(&collector.endpoint()));
    tracing::subscriber::with_default(subscriber, || {
        for _ in 0..1_500 {
            let _ = info_span!("work").entered();
        }
    });
    guard.shutdown().await;
    assert_eq!(collector.spans().len(), 1_500);
}

/// Accepts connections and never says anything.
async fn black_hole() -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let server = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    (endpoint, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_hangs_delays_neither_work_nor_exit() {
    let (endpoint, server) = black_hole().await;
    let (_, subscriber, guard) = subscriber(&settings(&endpoint));
    let began = Instant::now();
    tracing::subscriber::with_default(subscriber, || {
        // Far more than the queue holds.
        for _ in 0..50_000 {
            let _ = info_span!("work").entered();
        }
    });
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let began = Instant::now();
    guard.shutdown().await;
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    server.abort();
}

#[derive(Clone, Default)]
struct Names(Arc<Mutex<Vec<String>>>);

#[tonic::async_trait]
impl MetricsService for Names {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let mut names = self.0.lock().expect("not poisoned");
        for resource in request.into_inner().resource_metrics {
            for metric in resource.scope_metrics.into_iter().flat_map(|scope| scope.metrics) {
                names.push(metric.name);
            }
        }
        Ok(Response::new(ExportMetricsServiceResponse { partial_success: None }))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_reach_the_collector_at_exit_and_the_text_before() {
    let names = Names::default();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let server = tonic::transport::Server::builder()
        .add_service(MetricsServiceServer::new(names.clone()))
        .serve_with_incoming(TcpListenerStream::new(listener));
    let server = tokio::spawn(server);

    let (_, _subscriber, guard) = subscriber(&settings(&endpoint));
    let counter = guard.meter("outbox").u64_counter("outbox.relayed").with_unit("{event}").build();
    counter.add(3, &[opentelemetry::KeyValue::new("lane", "topic")]);
    let text = guard.metrics().text();
    assert!(
        text.contains("outbox_relayed_total{") && text.contains("lane=\"topic\"") && text.contains("} 3"),
        "{text}"
    );
    assert!(text.contains("service_name=\"document\""), "{text}");
    guard.shutdown().await;
    assert_eq!(*names.0.lock().unwrap(), ["outbox.relayed"]);
    server.abort();
}
