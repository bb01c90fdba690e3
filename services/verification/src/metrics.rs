//! What operators count.

use std::time::Duration;

use opentelemetry::metrics::{Counter, Histogram};
use opentelemetry::{KeyValue, global};

use crate::domain::{AccountName, CheckKind, Outcome, Seen};

/// Counters of checks and providers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    checks: Counter<u64>,
    calls: Histogram<f64>,
    failovers: Counter<u64>,
    circuits: Counter<u64>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// `verification.checks` by `check` and `outcome`; `verification.provider.calls` in seconds by `provider` and `said`;
    /// `verification.failovers` by `check` and the `provider` that was given up; `verification.circuit.changes` by `provider` and `state`.
    #[must_use]
    pub fn new() -> Self {
        let meter = global::meter("verification");
        let checks =
            meter.u64_counter("verification.checks").with_description("Checks that are over").build();
        let calls = meter
            .f64_histogram("verification.provider.calls")
            .with_unit("s")
            .with_description("Calls of identity providers, by what they said")
            .build();
        let failovers = meter
            .u64_counter("verification.failovers")
            .with_description("Checks for which another provider was asked instead")
            .build();
        let circuits = meter
            .u64_counter("verification.circuit.changes")
            .with_description("Circuits of providers that opened or closed")
            .build();
        for kind in CheckKind::ALL {
            checks.add(0, &[KeyValue::new("check", kind.name()), KeyValue::new("outcome", "passed")]);
        }
        Self { checks, calls, failovers, circuits }
    }

    /// A check is over.
    pub fn check(&self, kind: CheckKind, outcome: Outcome) {
        self.checks.add(1, &[KeyValue::new("check", kind.name()), KeyValue::new("outcome", outcome.name())]);
    }

    /// A provider was called.
    pub fn call(&self, provider: &AccountName, seen: &Seen, took: Duration) {
        let said = match seen {
            Seen::Accepted { .. } => "accepted",
            Seen::Answer { .. } => "answer",
            Seen::SourceAway { .. } => "source_away",
            Seen::Refused => "refused",
            Seen::NoAnswer => "nothing",
        };
        let labels = [KeyValue::new("provider", provider.to_string()), KeyValue::new("said", said)];
        self.calls.record(took.as_secs_f64(), &labels);
    }

    /// Another provider is asked instead of this one.
    pub fn failed_over(&self, kind: CheckKind, from: &AccountName) {
        let labels = [KeyValue::new("check", kind.name()), KeyValue::new("provider", from.to_string())];
        self.failovers.add(1, &labels);
    }

    /// The circuit of a provider has opened, or closed.
    pub fn circuit(&self, provider: &AccountName, opened: bool) {
        let state = if opened { "open" } else { "closed" };
        let labels = [KeyValue::new("provider", provider.to_string()), KeyValue::new("state", state)];
        self.circuits.add(1, &labels);
    }
}
