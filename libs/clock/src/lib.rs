#![doc = include_str!("../README.md")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use time::{OffsetDateTime, UtcOffset};

/// Where the time comes from. Cheap to clone; clones of a frozen clock share one time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    /// Microseconds since the Unix epoch.
    Frozen(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `at`, cut to microseconds, until it is moved.
    #[must_use]
    pub fn frozen(at: OffsetDateTime) -> Self {
        Self(Source::Frozen(Arc::new(AtomicI64::new(to_micros(at)))))
    }

    /// The time: UTC, cut to microseconds.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        match &self.0 {
            Source::System => cut(system_now()),
            Source::Frozen(micros) => from_micros(micros.load(Ordering::SeqCst)),
        }
    }

    /// Moves a frozen clock forward, for everybody who shares it.
    ///
    /// # Panics
    /// On the system's clock, which nobody may move.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.shared("advance").fetch_add(micros, Ordering::SeqCst);
    }

    /// Sets a frozen clock, also backwards, for everybody who shares it.
    ///
    /// # Panics
    /// On the system's clock, which nobody may move.
    pub fn set(&self, to: OffsetDateTime) {
        self.shared("set").store(to_micros(to), Ordering::SeqCst);
    }

    fn shared(&self, verb: &str) -> &AtomicI64 {
        match &self.0 {
            Source::Frozen(micros) => micros,
            Source::System => panic!("cannot {verb} the system's clock"),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
fn system_now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// PostgreSQL keeps microseconds; a value with more would not equal itself once read back.
fn cut(at: OffsetDateTime) -> OffsetDateTime {
    let nanos = at.microsecond() * 1_000;
    at.replace_nanosecond(nanos).unwrap_or(at)
}

fn to_micros(at: OffsetDateTime) -> i64 {
    let micros = cut(at.to_offset(UtcOffset::UTC)).unix_timestamp_nanos() / 1_000;
    i64::try_from(micros).unwrap_or(i64::MAX)
}

fn from_micros(micros: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn frozen_time_stands_still_until_moved() {
        let clock = Clock::frozen(datetime!(2030-01-01 12:00 UTC));
        assert_eq!(clock.now(), datetime!(2030-01-01 12:00 UTC));
        assert_eq!(clock.now(), clock.now());
        clock.advance(Duration::from_millis(1_500));
        assert_eq!(clock.now(), datetime!(2030-01-01 12:00:01.5 UTC));
        clock.set(datetime!(1969-12-31 23:59:59.25 UTC));
        assert_eq!(clock.now(), datetime!(1969-12-31 23:59:59.25 UTC));
    }

    #[test]
    fn clones_share_one_time() {
        let clock = Clock::frozen(datetime!(2030-01-01 12:00 UTC));
        let other = clock.clone();
        other.advance(Duration::from_secs(1));
        assert_eq!(clock.now(), datetime!(2030-01-01 12:00:01 UTC));
    }

    #[test]
    fn times_are_utc_with_microseconds() {
        let clock = Clock::frozen(datetime!(2030-01-01 12:00:00.123456789 +2));
        assert_eq!(clock.now(), datetime!(2030-01-01 10:00:00.123456 UTC));
        assert_eq!(clock.now().offset(), UtcOffset::UTC);
        let system = Clock::system().now();
        assert_eq!(system.nanosecond() % 1_000, 0);
        assert_eq!(system.offset(), UtcOffset::UTC);
    }

    #[test]
    #[should_panic(expected = "cannot advance the system's clock")]
    fn the_system_clock_cannot_be_moved() {
        Clock::system().advance(Duration::from_secs(1));
    }
}
