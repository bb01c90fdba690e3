//! A job: one attempt at a delivery, taken by a worker under a lease and reported once.

use std::time::Duration;

use time::OffsetDateTime;

/// How long a claimed job belongs to its worker.
pub const LEASE: Duration = Duration::from_secs(5 * 60);

/// How long to wait before a job that nobody reports is asked for again; also the shortest such wait.
pub const FIRST_REPEAT: Duration = Duration::from_secs(5 * 60);
/// The longest such wait.
const MAX_REPEAT: Duration = Duration::from_secs(6 * 3_600);

/// What a worker reported, or what became clear without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The provider has taken the message.
    Sent,
    /// The provider could not take it now.
    TemporaryFailure,
    /// The provider refuses it for good.
    PermanentFailure,
    /// What the message speaks of is gone; it was never sent.
    Unrenderable,
}

impl Outcome {
    /// Its name in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::TemporaryFailure => "temporary_failure",
            Self::PermanentFailure => "permanent_failure",
            Self::Unrenderable => "unrenderable",
        }
    }

    /// The outcome of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Sent, Self::TemporaryFailure, Self::PermanentFailure, Self::Unrenderable]
            .into_iter()
            .find(|outcome| outcome.as_str() == name)
    }
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Nobody has claimed it yet.
    Waiting,
    /// Claimed; nobody else can claim it until then.
    Leased {
        /// End of the lease.
        until: OffsetDateTime,
    },
    /// Finished.
    Reported(Outcome),
}

/// What a report means for the delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// The first report of the job.
    First,
    /// A worker that outlived its lease did send the message after another one had failed.
    LateSuccess,
    /// Nothing new: the first report stands.
    Known,
}

impl Job {
    /// Claims the job at `now`; returns the end of the lease.
    ///
    /// # Errors
    /// While another claim's lease lasts, or when the job is finished.
    pub fn claim(self, now: OffsetDateTime) -> Result<OffsetDateTime, ClaimRefused> {
        match self {
            Self::Leased { until } if until > now => Err(ClaimRefused::Leased { until }),
            Self::Waiting | Self::Leased { .. } => Ok(now + LEASE),
            Self::Reported(_) => Err(ClaimRefused::Finished),
        }
    }

    /// Judges a worker's report. A lease that has ended does not make it less true.
    ///
    /// # Errors
    /// When nobody has claimed the job.
    pub fn report(self, outcome: Outcome) -> Result<Report, NeverClaimed> {
        match (self, outcome) {
            (Self::Waiting, _) => Err(NeverClaimed),
            (Self::Leased { .. }, _) => Ok(Report::First),
            (Self::Reported(Outcome::TemporaryFailure), Outcome::Sent) => Ok(Report::LateSuccess),
            (Self::Reported(_), _) => Ok(Report::Known),
        }
    }

    /// When to ask for the job again; `None` once it is finished. Waiting grows with the job's age, so that a
    /// queue whose workers are away for days does not fill up with copies.
    #[must_use]
    pub fn ask_again(self, created_at: OffsetDateTime, now: OffsetDateTime) -> Option<Ask> {
        match self {
            Self::Reported(_) => None,
            Self::Leased { until } if until > now => Some(Ask::Later(until)),
            Self::Waiting | Self::Leased { .. } => {
                let age = Duration::try_from(now - created_at).unwrap_or_default();
                Some(Ask::Now { next: now + age.clamp(FIRST_REPEAT, MAX_REPEAT) })
            }
        }
    }
}

/// Whether an unreported job is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A worker has it; look again at the end of its lease.
    Later(OffsetDateTime),
    /// Ask now, and look again then.
    Now {
        /// When to look again.
        next: OffsetDateTime,
    },
}

/// Why a job cannot be claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimRefused {
    /// Somebody else has it.
    #[error("the job is leased until {until}")]
    Leased {
        /// End of the lease.
        until: OffsetDateTime,
    },
    /// It was reported.
    #[error("the job is finished")]
    Finished,
}

/// Nobody can know how a job went that nobody has claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the job was never claimed")]
pub struct NeverClaimed;

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2030-01-01 12:00 UTC);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_lease_keeps_others_out_until_it_ends() {
        let until = Job::Waiting.claim(NOW).unwrap();
        assert_eq!(until, NOW + LEASE);
        let job = Job::Leased { until };
        assert_eq!(job.claim(until - SECOND), Err(ClaimRefused::Leased { until }));
        assert_eq!(job.claim(until), Ok(until + LEASE));
    }

    #[test]
    fn the_first_report_stands() {
        let leased = Job::Leased { until: NOW };
        for outcome in [Outcome::Sent, Outcome::TemporaryFailure, Outcome::PermanentFailure] {
            assert_eq!(leased.report(outcome), Ok(Report::First));
            assert_eq!(Job::Reported(outcome).report(outcome), Ok(Report::Known));
            assert_eq!(Job::Reported(outcome).claim(NOW), Err(ClaimRefused::Finished));
            assert_eq!(Job::Waiting.report(outcome), Err(NeverClaimed));
        }
        assert_eq!(Job::Reported(Outcome::Sent).report(Outcome::PermanentFailure), Ok(Report::Known));
        assert_eq!(Job::Reported(Outcome::PermanentFailure).report(Outcome::Sent), Ok(Report::Known));
        assert_eq!(Job::Reported(Outcome::TemporaryFailure).report(Outcome::Sent), Ok(Report::LateSuccess));
    }

    #[test]
    fn an_unreported_job_is_asked_for_less_and_less_often() {
        let minutes = |n: u64| Duration::from_secs(n * 60);
        assert_eq!(Job::Waiting.ask_again(NOW, NOW), Some(Ask::Now { next: NOW + minutes(5) }));
        let later = NOW + minutes(20);
        assert_eq!(Job::Waiting.ask_again(NOW, later), Some(Ask::Now { next: later + minutes(20) }));
        let much_later = NOW + minutes(60 * 24 * 30);
        assert_eq!(
            Job::Waiting.ask_again(NOW, much_later),
            Some(Ask::Now { next: much_later + minutes(360) })
        );
        assert_eq!(Job::Leased { until: later }.ask_again(NOW, NOW), Some(Ask::Later(later)));
        assert_eq!(Job::Reported(Outcome::Sent).ask_again(NOW, NOW), None);
    }
}
