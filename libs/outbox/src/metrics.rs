//! What the relay measures.

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge};

#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    backlog: Gauge<u64>,
    oldest: Gauge<f64>,
    published: Counter<u64>,
    errors: Counter<u64>,
    leader: Gauge<u64>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let meter = opentelemetry::global::meter("outbox");
        Self {
            backlog: meter
                .u64_gauge("outbox.backlog")
                .with_description(
                    "rows that are not acknowledged yet, as the leader counts them, up to 100000",
                )
                .build(),
            oldest: meter
                .f64_gauge("outbox.oldest_age")
                .with_unit("s")
                .with_description("age of the first row that is not acknowledged yet; 0 when there is none")
                .build(),
            published: meter
                .u64_counter("outbox.published")
                .with_description("events and jobs that their receiver acknowledged")
                .build(),
            errors: meter
                .u64_counter("outbox.errors")
                .with_description("failed attempts to publish; what failed stays and is tried again")
                .build(),
            leader: meter
                .u64_gauge("outbox.leader")
                .with_description("1 in the process whose relay publishes, else 0")
                .build(),
        }
    }

    pub(crate) fn backlog(&self, lane: &'static str, rows: u64, oldest_seconds: f64) {
        let lane = [KeyValue::new("lane", lane)];
        self.backlog.record(rows, &lane);
        self.oldest.record(oldest_seconds, &lane);
    }

    pub(crate) fn published(&self, lane: &'static str, rows: usize) {
        self.published.add(u64::try_from(rows).unwrap_or(u64::MAX), &[KeyValue::new("lane", lane)]);
    }

    pub(crate) fn error(&self, lane: &'static str) {
        self.errors.add(1, &[KeyValue::new("lane", lane)]);
    }

    pub(crate) fn leader(&self, leads: bool) {
        self.leader.record(u64::from(leads), &[]);
    }
}
