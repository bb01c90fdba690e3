//! Whether a provider is asked: a circuit that opens when it fails too often, lets one call through after a while, and closes when that
//! is answered. No IO.
//!
//! All replicas share it, by its row: whoever changes it holds the row's lock.

use time::{Duration, OffsetDateTime};

/// Failures in a row that open it.
pub const OPENS_AT: i32 = 5;
/// How long it stays open at first; twice as long each time that the call let through fails.
const FIRST: Duration = Duration::seconds(10);
/// How long it stays open at most.
const LONGEST: Duration = Duration::minutes(5);
/// For how long one call is let through alone; whoever made it may have died.
const PROBE: Duration = Duration::seconds(60);

/// The circuit of one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Circuit {
    /// Failures in a row.
    pub failures: i32,
    /// Whether it is open.
    pub open: Option<Open>,
    /// What somebody has decided.
    pub force: Option<Force>,
}

/// A circuit that is not closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// Since when.
    pub since: OffsetDateTime,
    /// When a call is let through.
    pub retry_at: OffsetDateTime,
    /// Until when one was let through, and nobody else is.
    pub probe_until: Option<OffsetDateTime>,
}

/// What somebody has decided about a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// It is not asked.
    Out,
    /// It is asked, whatever its circuit says.
    In,
}

/// How it stands, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Calls go through.
    Closed,
    /// None does.
    Open,
    /// One does, to see.
    HalfOpen,
}

impl Circuit {
    /// How it stands.
    #[must_use]
    pub fn state(&self, now: OffsetDateTime) -> State {
        match self.open {
            None => State::Closed,
            Some(open) if open.probe_until.is_some_and(|until| now < until) => State::HalfOpen,
            Some(_) => State::Open,
        }
    }

    /// Whether a new attempt may be begun now. One that is let through while it is open has to be noted by [`Circuit::probe`].
    #[must_use]
    pub fn permits(&self, now: OffsetDateTime) -> bool {
        match (self.force, self.open) {
            (Some(Force::Out), _) => false,
            (Some(Force::In), _) | (None, None) => true,
            (None, Some(open)) => now >= open.retry_at && open.probe_until.is_none_or(|until| now >= until),
        }
    }

    /// Notes that an attempt is begun.
    #[must_use]
    pub fn probe(mut self, now: OffsetDateTime) -> Self {
        if let Some(open) = &mut self.open {
            open.probe_until = Some(now + PROBE);
        }
        self
    }

    /// Notes that the provider has answered.
    #[must_use]
    pub fn succeeded(mut self) -> Self {
        self.failures = 0;
        self.open = None;
        self
    }

    /// Notes that it has not.
    #[must_use]
    pub fn failed(mut self, now: OffsetDateTime) -> Self {
        // What was begun before it opened fails after that, too, and says nothing new.
        if self.open.is_some_and(|open| open.probe_until.is_none()) {
            return self;
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures >= OPENS_AT {
            let since = self.open.map_or(now, |open| open.since);
            let again = u32::try_from(self.failures - OPENS_AT).unwrap_or(0).min(8);
            let wait = FIRST * 2_i32.pow(again);
            self.open = Some(Open { since, retry_at: now + wait.min(LONGEST), probe_until: None });
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-12-01 08:00 UTC);

    fn open() -> Circuit {
        (0..OPENS_AT).fold(Circuit::default(), |circuit, _| circuit.failed(NOW))
    }

    #[test]
    fn it_opens_at_the_fifth_failure_in_a_row_and_not_before() {
        let mut circuit = Circuit::default();
        for _ in 1..OPENS_AT {
            circuit = circuit.failed(NOW);
            assert_eq!((circuit.state(NOW), circuit.permits(NOW)), (State::Closed, true));
        }
        assert_eq!(circuit.succeeded(), Circuit::default());
        circuit = circuit.failed(NOW);
        assert_eq!((circuit.state(NOW), circuit.permits(NOW)), (State::Open, false));
    }

    #[test]
    fn one_call_is_let_through_after_a_while_and_its_answer_closes_it() {
        let circuit = open();
        let later = NOW + FIRST;
        assert!(!circuit.permits(later - Duration::milliseconds(1)));
        assert!(circuit.permits(later));
        let probing = circuit.probe(later);
        assert_eq!((probing.state(later), probing.permits(later)), (State::HalfOpen, false));
        assert!(probing.permits(later + PROBE), "whoever made it has died");
        assert_eq!(probing.succeeded(), Circuit::default());
        let again = probing.failed(later);
        assert_eq!(again.state(later), State::Open);
        assert_eq!(again.open.map(|open| (open.since, open.retry_at)), Some((NOW, later + FIRST * 2)));
    }

    #[test]
    fn what_fails_after_it_opened_without_being_let_through_does_not_keep_it_open_for_longer() {
        let circuit = open();
        let later = (0..20).fold(circuit, |circuit, _| circuit.failed(NOW + Duration::seconds(9)));
        assert_eq!(later, circuit);
    }

    #[test]
    fn whoever_decides_is_obeyed_whatever_the_circuit_says() {
        let out = Circuit { force: Some(Force::Out), ..Circuit::default() };
        assert!(!out.permits(NOW));
        let forced = Circuit { force: Some(Force::In), ..open() };
        assert!(forced.permits(NOW));
    }

    proptest! {
        #[test]
        fn it_is_never_open_for_longer_than_its_longest(failures in 0..200_i32) {
            let (mut circuit, mut now) = (Circuit::default(), NOW);
            for _ in 0..failures {
                circuit = circuit.failed(now);
                if let Some(open) = circuit.open {
                    prop_assert!(open.retry_at - now <= LONGEST);
                    now = open.retry_at;
                    circuit = circuit.probe(now);
                }
            }
        }
    }
}
