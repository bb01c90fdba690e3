//! What a consumer measures.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter, UpDownCounter};

use crate::apply::Tally;
use crate::partition::Place;

#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    group: KeyValue,
    outcomes: [KeyValue; 4],
    events: Counter<u64>,
    batches: Histogram<u64>,
    seconds: Histogram<f64>,
    retries: Counter<u64>,
    splits: Counter<u64>,
    stalled: UpDownCounter<i64>,
    paused: Gauge<u64>,
    partitions: Arc<Partitions>,
}

/// What is known of each partition that is assigned; shown when somebody looks.
#[derive(Debug, Default)]
struct Partitions {
    lags: Mutex<Vec<(Place, u64)>>,
    delays: Mutex<HashMap<Place, f64>>,
}

impl Metrics {
    pub(crate) fn new(group: &str) -> Self {
        let meter = opentelemetry::global::meter("consumer");
        let outcome = |outcome| KeyValue::new("outcome", outcome);
        let group = KeyValue::new("group", group.to_owned());
        let partitions = Arc::new(Partitions::default());
        observe(&meter, &group, &partitions);
        Self {
            group,
            outcomes: ["applied", "repeated", "parked", "behind_parked"].map(outcome),
            events: meter
                .u64_counter("consumer.events")
                .with_description("records by outcome: applied, repeated, parked, behind_parked")
                .build(),
            batches: meter
                .u64_histogram("consumer.batch_records")
                .with_description("records applied in one transaction")
                .with_boundaries(vec![
                    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0, 2_048.0, 4_096.0,
                ])
                .build(),
            seconds: meter
                .f64_histogram("consumer.batch_duration")
                .with_unit("s")
                .with_description("time from the begin of a transaction to its commit")
                .with_boundaries(vec![0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0])
                .build(),
            retries: meter
                .u64_counter("consumer.retries")
                .with_description("attempts that failed because something was away")
                .build(),
            splits: meter
                .u64_counter("consumer.splits")
                .with_description("transactions rolled back to be tried in parts")
                .build(),
            stalled: meter
                .i64_up_down_counter("consumer.stalled_partitions")
                .with_description("partitions that wait for something to come back")
                .build(),
            paused: meter
                .u64_gauge("consumer.paused_partitions")
                .with_description("partitions that are not fetched because their queue is full")
                .build(),
            partitions,
        }
    }

    /// A batch was committed.
    pub(crate) fn applied(&self, tally: &Tally, records: usize, took: Duration) {
        let counts = [tally.applied, tally.repeated, tally.parked, tally.behind_parked];
        for (count, outcome) in counts.into_iter().zip(&self.outcomes) {
            if count > 0 {
                self.events.add(count, &[self.group.clone(), outcome.clone()]);
            }
        }
        let group = std::slice::from_ref(&self.group);
        self.batches.record(records as u64, group);
        self.seconds.record(took.as_secs_f64(), group);
    }

    /// How old the last event of a batch was when it was applied.
    pub(crate) fn delayed(&self, place: &Place, by: time::Duration) {
        let mut delays = self.partitions.delays.lock().unwrap_or_else(PoisonError::into_inner);
        let by = by.as_seconds_f64();
        match delays.get_mut(place) {
            Some(known) => *known = by,
            None => drop(delays.insert(place.clone(), by)),
        }
    }

    /// Records behind the end, of all partitions that are assigned.
    pub(crate) fn lags(&self, lags: Vec<(Place, u64)>) {
        *self.partitions.lags.lock().unwrap_or_else(PoisonError::into_inner) = lags;
    }

    /// The partitions are somebody else's.
    pub(crate) fn forget(&self, places: &[Place]) {
        let mut delays = self.partitions.delays.lock().unwrap_or_else(PoisonError::into_inner);
        delays.retain(|place, _| !places.contains(place));
        drop(delays);
        let mut lags = self.partitions.lags.lock().unwrap_or_else(PoisonError::into_inner);
        lags.retain(|(place, _)| !places.contains(place));
    }

    /// The session is over.
    pub(crate) fn forget_all(&self) {
        self.partitions.delays.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.partitions.lags.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.paused(0);
    }

    pub(crate) fn retry(&self) {
        self.retries.add(1, std::slice::from_ref(&self.group));
    }

    pub(crate) fn split(&self) {
        self.splits.add(1, std::slice::from_ref(&self.group));
    }

    pub(crate) fn stalled(&self, by: i64) {
        self.stalled.add(by, std::slice::from_ref(&self.group));
    }

    pub(crate) fn paused(&self, partitions: usize) {
        self.paused.record(partitions as u64, std::slice::from_ref(&self.group));
    }
}

/// Gauges of single partitions; those of other members are not shown, nor those that were taken away.
fn observe(meter: &Meter, group: &KeyValue, partitions: &Arc<Partitions>) {
    let labels = |group: &KeyValue, (topic, partition): &Place| {
        [
            group.clone(),
            KeyValue::new("topic", topic.to_string()),
            KeyValue::new("partition", i64::from(*partition)),
        ]
    };
    let (known, of) = (Arc::clone(partitions), group.clone());
    meter
        .u64_observable_gauge("consumer.lag")
        .with_description("records behind the end of the partition")
        .with_callback(move |gauge| {
            for (place, lag) in &*known.lags.lock().unwrap_or_else(PoisonError::into_inner) {
                gauge.observe(*lag, &labels(&of, place));
            }
        })
        .build();
    let (known, of) = (Arc::clone(partitions), group.clone());
    meter
        .f64_observable_gauge("consumer.delay")
        .with_unit("s")
        .with_description("age of the last event that was applied, when it was applied")
        .with_callback(move |gauge| {
            for (place, delay) in &*known.delays.lock().unwrap_or_else(PoisonError::into_inner) {
                gauge.observe(*delay, &labels(&of, place));
            }
        })
        .build();
}
