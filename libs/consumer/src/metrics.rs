//! What a consumer measures.

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, UpDownCounter};

#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    group: String,
    events: Counter<u64>,
    retries: Counter<u64>,
    stalled: UpDownCounter<i64>,
}

impl Metrics {
    pub(crate) fn new(group: &str) -> Self {
        let meter = opentelemetry::global::meter("consumer");
        Self {
            group: group.to_owned(),
            events: meter
                .u64_counter("consumer.events")
                .with_description("records by outcome: applied, repeated, ignored, parked, behind_parked")
                .build(),
            retries: meter
                .u64_counter("consumer.retries")
                .with_description("attempts that failed because something was away")
                .build(),
            stalled: meter
                .i64_up_down_counter("consumer.stalled_partitions")
                .with_description("partitions that wait for something to come back")
                .build(),
        }
    }

    fn group(&self) -> KeyValue {
        KeyValue::new("group", self.group.clone())
    }

    pub(crate) fn outcome(&self, outcome: &'static str) {
        self.events.add(1, &[self.group(), KeyValue::new("outcome", outcome)]);
    }

    pub(crate) fn retry(&self) {
        self.retries.add(1, &[self.group()]);
    }

    pub(crate) fn stalled(&self, by: i64) {
        self.stalled.add(by, &[self.group()]);
    }
}
