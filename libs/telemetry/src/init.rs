//! Starting and stopping.

use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::metrics::{Meter, MeterProvider as _};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{KeyValue, global};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Level, Subscriber};
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, Targets, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::{Metrics, Settings, export, log};

/// How long the last spans and metrics may take at exit, for both together.
const FLUSH_DEADLINE: Duration = Duration::from_secs(3);

/// Set by the first [`init`] of the process.
static METRICS: OnceLock<Metrics> = OnceLock::new();

/// Keeps telemetry running. Await [`Guard::shutdown`] last thing in `main`.
#[derive(Debug)]
#[must_use = "telemetry stops when the guard is dropped"]
pub struct Guard {
    metrics: Metrics,
    providers: Option<Providers>,
    problems: Vec<String>,
}

#[derive(Debug)]
struct Providers {
    tracers: SdkTracerProvider,
    meters: SdkMeterProvider,
}

/// Starts logs, traces and metrics for this process. Call it once, first thing in `main`, inside the runtime, and keep
/// the guard until the end. A second call (tests that run several services) changes nothing and shares the metrics.
///
/// It cannot fail: a service runs without telemetry rather than not at all; what is missing is logged.
pub fn init(service: &'static str, settings: &Settings) -> Guard {
    if let Some(metrics) = METRICS.get() {
        return Guard { metrics: metrics.clone(), providers: None, problems: Vec::new() };
    }
    let (subscriber, guard) = subscriber(service, settings, std::io::stdout);
    if METRICS.set(guard.metrics.clone()).is_ok() {
        if let Some(providers) = &guard.providers {
            global::set_meter_provider(providers.meters.clone());
        }
        // Fails where a test has installed its own subscriber, which then wins.
        let _ = subscriber.try_init();
        for problem in &guard.problems {
            tracing::warn!(problem, "telemetry is not exported");
        }
    }
    guard
}

/// What `/metrics` answers, [`Metrics::text`]; empty before [`init`].
#[must_use]
pub fn metrics_text() -> String {
    METRICS.get().map(Metrics::text).unwrap_or_default()
}

/// What [`init`] installs, without installing it: for tests that look at the lines a `writer` gets.
pub fn subscriber<W>(
    service: &'static str,
    settings: &Settings,
    writer: W,
) -> (impl Subscriber + Send + Sync, Guard)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let mut problems = Vec::new();
    let resource = Resource::builder_empty()
        .with_service_name(service)
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let tracers = export::tracers(&resource, settings, &mut problems);
    let (meters, registry) = export::meters(&resource, settings, &mut problems);
    let subscriber = tracing_subscriber::registry()
        .with(
            tracing_opentelemetry::layer()
                .with_tracer(tracers.tracer(service))
                .with_location(false)
                .with_threads(false)
                .with_tracked_inactivity(false)
                .with_filter(traced()),
        )
        .with(log::JsonLines::new(service, writer).with_filter(logged(&settings.log)));
    let providers = Some(Providers { tracers, meters });
    (subscriber, Guard { metrics: Metrics { registry }, providers, problems })
}

/// Which spans become part of traces: ours. Spans of the transport that carries the spans would never end; those of the
/// session layer say nothing.
fn traced() -> Targets {
    let off = ["h2", "hyper", "opentelemetry", "tonic", "tower::", "tower_sessions"]
        .map(|target| (target, LevelFilter::OFF));
    Targets::new().with_default(LevelFilter::INFO).with_targets(off)
}

/// Which events are logged. Spans pass whatever the log's level is, because lines show the ids that spans carry.
fn logged<S>(directives: &str) -> impl tracing_subscriber::layer::Filter<S> + Send + Sync + 'static
where
    S: Subscriber,
{
    // The exporter complains every second while the collector is away; `export` says it once instead.
    let directives = format!("opentelemetry=off,{directives}");
    let spans = filter_fn(|metadata| metadata.is_span() && *metadata.level() <= Level::INFO)
        .with_max_level_hint(LevelFilter::INFO);
    // Settings have parsed it before. `EnvFilter` would do more, but loses lines when it is one side of an `or`.
    directives.parse::<Targets>().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO)).or(spans)
}

impl Guard {
    /// The process's metrics, for the admin port.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// A meter of this guard's own; other code uses `opentelemetry::global::meter`, which [`init`] sets.
    #[must_use]
    pub fn meter(&self, name: &'static str) -> Meter {
        match &self.providers {
            Some(providers) => providers.meters.meter(name),
            None => global::meter(name),
        }
    }

    /// Sends what is still unsent and stops exporting; gives up after three seconds.
    pub async fn shutdown(mut self) {
        let Some(providers) = self.providers.take() else { return };
        let flush = tokio::task::spawn_blocking(move || providers.flush());
        let late = tokio::time::timeout(FLUSH_DEADLINE + Duration::from_millis(500), flush).await.is_err();
        if late {
            tracing::warn!("telemetry was not flushed in time");
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(providers) = self.providers.take() {
            providers.flush();
        }
    }
}

impl Providers {
    /// Blocks for at most [`FLUSH_DEADLINE`]. Errors mean that the collector is away, which was logged.
    fn flush(&self) {
        let _ = self.tracers.shutdown_with_timeout(FLUSH_DEADLINE / 2);
        let _ = self.meters.shutdown_with_timeout(FLUSH_DEADLINE / 2);
    }
}
