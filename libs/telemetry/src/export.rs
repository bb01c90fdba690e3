//! Traces and metrics on their way to a collector.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, SpanData, SpanExporter as Export,
};
use prometheus::Registry;

use crate::Settings;

/// How many finished spans wait at most; beyond it they are dropped, the service never waits.
const SPAN_QUEUE: usize = 8_192;
/// How many spans are sent at once.
const SPAN_BATCH: usize = 512;
/// How often spans are sent; short, so that a trace can be looked at right after the request.
const SPAN_INTERVAL: Duration = Duration::from_secs(1);
/// How often metrics are sent.
const METRIC_INTERVAL: Duration = Duration::from_secs(15);
/// How long the collector may take to answer.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(3);

/// Traces: always made, so that logs and messages have trace ids; sent where there is an endpoint. A caller's decision
/// not to sample is kept.
pub(crate) fn tracers(
    resource: &Resource,
    settings: &Settings,
    problems: &mut Vec<String>,
) -> SdkTracerProvider {
    let builder = SdkTracerProvider::builder().with_resource(resource.clone());
    let Some(endpoint) = &settings.otlp_endpoint else { return builder.build() };
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint.to_string())
        .with_timeout(EXPORT_TIMEOUT)
        .build();
    match exporter {
        Ok(exporter) => {
            let config = BatchConfigBuilder::default()
                .with_max_queue_size(SPAN_QUEUE)
                .with_max_export_batch_size(SPAN_BATCH)
                .with_scheduled_delay(SPAN_INTERVAL)
                .build();
            let exporter =
                Noticing { exporter, endpoint: endpoint.to_string(), away: AtomicBool::new(false) };
            let batches = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
            builder.with_span_processor(batches).build()
        }
        Err(error) => {
            problems.push(format!("traces: {error}"));
            builder.build()
        }
    }
}

/// Metrics: always in the registry that `/metrics` shows; sent where there is an endpoint.
pub(crate) fn meters(
    resource: &Resource,
    settings: &Settings,
    problems: &mut Vec<String>,
) -> (SdkMeterProvider, Registry) {
    let registry = Registry::new();
    let mut builder = SdkMeterProvider::builder().with_resource(resource.clone());
    match opentelemetry_prometheus::exporter().with_registry(registry.clone()).build() {
        Ok(reader) => builder = builder.with_reader(reader),
        Err(error) => problems.push(format!("metrics: {error}")),
    }
    if let Some(endpoint) = &settings.otlp_endpoint {
        let exporter = MetricExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint.to_string())
            .with_timeout(EXPORT_TIMEOUT)
            .build();
        match exporter {
            Ok(exporter) => {
                let reader = PeriodicReader::builder(exporter).with_interval(METRIC_INTERVAL).build();
                builder = builder.with_reader(reader);
            }
            Err(error) => problems.push(format!("metrics: {error}")),
        }
    }
    (builder.build(), registry)
}

/// Says once when the collector goes away, and once when it is back.
struct Noticing<E> {
    exporter: E,
    endpoint: String,
    away: AtomicBool,
}

impl<E> fmt::Debug for Noticing<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Noticing").field("away", &self.away).finish_non_exhaustive()
    }
}

impl<E: Export> Export for Noticing<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let result = self.exporter.export(batch).await;
        let was_away = self.away.swap(result.is_err(), Ordering::Relaxed);
        match &result {
            Err(error) if !was_away => {
                tracing::warn!(collector = self.endpoint, error = %error, "collector is away; spans are dropped");
            }
            Ok(()) if was_away => tracing::info!(collector = self.endpoint, "collector is back"),
            _ => {}
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
