use opentelemetry::metrics::{Counter, Histogram};
use opentelemetry::{KeyValue, global};
use time::Duration;

/// How late rows run and how many fail, by kind.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    lateness: Histogram<f64>,
    runs: Counter<u64>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let meter = global::meter("due");
        Self {
            lateness: meter
                .f64_histogram("due.lateness")
                .with_unit("s")
                .with_description("Time from when a row was due to its first run")
                .with_boundaries(vec![0.1, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 3_600.0])
                .build(),
            runs: meter
                .u64_counter("due.runs")
                .with_description("Runs of due rows by kind and outcome")
                .build(),
        }
    }

    pub(crate) fn late(&self, kind: &'static str, lateness: Duration) {
        self.lateness.record(lateness.as_seconds_f64().max(0.0), &[KeyValue::new("kind", kind)]);
    }

    pub(crate) fn ran(&self, kind: &'static str, outcome: &'static str) {
        self.runs.add(1, &[KeyValue::new("kind", kind), KeyValue::new("outcome", outcome)]);
    }
}
