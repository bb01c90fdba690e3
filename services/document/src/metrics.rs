//! What operators count.

use opentelemetry::metrics::Counter;
use opentelemetry::{KeyValue, global};

use crate::domain::Integrity;

/// Outcomes of the integrity sweep.
#[derive(Clone, Debug)]
pub struct IntegrityCounts(Counter<u64>);

impl Default for IntegrityCounts {
    fn default() -> Self {
        Self::new()
    }
}

impl IntegrityCounts {
    /// A counter `document.integrity.checks`, by `finding` and `outcome`. It is there from the beginning, at nought.
    #[must_use]
    pub fn new() -> Self {
        let counter = global::meter("document")
            .u64_counter("document.integrity.checks")
            .with_description("Stored versions that were read again, by what was found and what became of it")
            .build();
        let counts = Self(counter);
        counts.count(Integrity::Good, 0);
        for (missing, restored) in [(false, false), (false, true), (true, false), (true, true)] {
            counts.count(Integrity::Bad { missing, restored }, 0);
        }
        counts
    }

    /// Counts one.
    pub fn add(&self, found: Integrity) {
        self.count(found, 1);
    }

    fn count(&self, found: Integrity, number: u64) {
        let labels = [KeyValue::new("finding", found.finding()), KeyValue::new("outcome", found.outcome())];
        self.0.add(number, &labels);
    }
}
