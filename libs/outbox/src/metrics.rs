//! What the relay measures.

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge, Histogram};

/// What went wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// The database did not answer, or refused.
    Database,
    /// Kafka's producer died, or could not be made.
    Producer,
    /// SQS did not take something.
    Queue,
    /// A row was parked.
    Parked,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Producer => "producer",
            Self::Queue => "queue",
            Self::Parked => "parked",
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    backlog: Gauge<u64>,
    oldest: Gauge<f64>,
    parked: Gauge<u64>,
    lag: Histogram<f64>,
    batch: Histogram<u64>,
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
                    "rows that are neither acknowledged nor parked, as the leader counts them, up to 100000",
                )
                .build(),
            oldest: meter
                .f64_gauge("outbox.oldest_age")
                .with_unit("s")
                .with_description("age of the first row that is not acknowledged yet; 0 when there is none")
                .build(),
            parked: meter
                .u64_gauge("outbox.parked")
                .with_description("rows that cannot be published, and those behind them, up to 100000")
                .build(),
            lag: meter
                .f64_histogram("outbox.publish_lag")
                .with_unit("s")
                .with_description("from appending to the receiver's acknowledgement")
                .with_boundaries(vec![
                    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0,
                ])
                .build(),
            batch: meter
                .u64_histogram("outbox.batch_size")
                .with_description("rows that one look at the table brought, where there were any")
                .with_boundaries(vec![1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0])
                .build(),
            published: meter
                .u64_counter("outbox.published")
                .with_description("events and jobs that their receiver acknowledged")
                .build(),
            errors: meter
                .u64_counter("outbox.errors")
                .with_description("what went wrong, by kind: database, producer, queue, parked")
                .build(),
            leader: meter
                .u64_gauge("outbox.leader")
                .with_description("1 in the process whose relay publishes, else 0")
                .build(),
        }
    }

    pub(crate) fn backlog(&self, lane: &'static str, rows: u64, parked: u64, oldest_seconds: f64) {
        let lane = [KeyValue::new("lane", lane)];
        self.backlog.record(rows, &lane);
        self.oldest.record(oldest_seconds, &lane);
        self.parked.record(parked, &lane);
    }

    pub(crate) fn lag(&self, lane: &'static str, seconds: f64) {
        self.lag.record(seconds.max(0.0), &[KeyValue::new("lane", lane)]);
    }

    pub(crate) fn batch(&self, lane: &'static str, rows: usize) {
        self.batch.record(u64::try_from(rows).unwrap_or(u64::MAX), &[KeyValue::new("lane", lane)]);
    }

    pub(crate) fn published(&self, lane: &'static str, rows: usize) {
        if rows == 0 {
            return;
        }
        self.published.add(u64::try_from(rows).unwrap_or(u64::MAX), &[KeyValue::new("lane", lane)]);
    }

    pub(crate) fn error(&self, lane: &'static str, kind: Kind) {
        self.errors.add(1, &[KeyValue::new("lane", lane), KeyValue::new("kind", kind.name())]);
    }

    pub(crate) fn leader(&self, leads: bool) {
        self.leader.record(u64::from(leads), &[]);
    }
}
