//! A delivery: one notification on its way through one channel.

use std::time::Duration;

/// How often a delivery is tried before it is given up.
pub const MAX_ATTEMPTS: u16 = 6;

/// How long to wait before each attempt but the first.
const BACKOFF: [Duration; MAX_ATTEMPTS as usize - 1] = [
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3_600),
    Duration::from_secs(6 * 3_600),
];

/// Where a delivery stands. Transitions consume it; one that is not an edge of the life cycle is an error.
///
/// `Created → Sending → Sent | TemporaryFailure | PermanentFailure | TechnicalFailure`, `TemporaryFailure → Sending`;
/// `Suppressed` from the start where there is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// A job waits for a worker.
    Created,
    /// A worker has taken a job.
    Sending,
    /// The provider has taken the message.
    Sent,
    /// The provider could not take it; another attempt is scheduled.
    TemporaryFailure,
    /// The provider refuses it for good.
    PermanentFailure,
    /// We could not get it to the provider, and have given up.
    TechnicalFailure,
    /// Not tried: there is no address.
    Suppressed,
}

impl Delivery {
    /// Starts a delivery, if there is an address.
    #[must_use]
    pub fn create(has_address: bool) -> Self {
        if has_address { Self::Created } else { Self::Suppressed }
    }

    /// A worker takes a job. Also from `Sending`: the lease of the worker before has ended.
    ///
    /// # Errors
    /// When the delivery has come to its end.
    pub fn claim(self) -> Result<Self, InvalidTransition> {
        match self {
            Self::Created | Self::Sending | Self::TemporaryFailure => Ok(Self::Sending),
            Self::Sent | Self::PermanentFailure | Self::TechnicalFailure | Self::Suppressed => {
                Err(self.refuses("claim"))
            }
        }
    }

    /// The provider has taken the message. Also from `TemporaryFailure`: a worker that outlived its lease may say so
    /// late, and then no further copy must go out.
    ///
    /// # Errors
    /// When nobody has claimed it, or it has come to its end.
    pub fn sent(self) -> Result<Self, InvalidTransition> {
        match self {
            Self::Sending | Self::TemporaryFailure => Ok(Self::Sent),
            _ => Err(self.refuses("sent")),
        }
    }

    /// Attempt number `attempt`, 1 for the first, failed in a way that may pass.
    ///
    /// # Errors
    /// When no worker has it.
    pub fn failed(self, attempt: u16) -> Result<(Self, Option<Retry>), InvalidTransition> {
        match self {
            Self::Sending => Ok(match Retry::after(attempt) {
                Some(retry) => (Self::TemporaryFailure, Some(retry)),
                None => (Self::TechnicalFailure, None),
            }),
            _ => Err(self.refuses("failed")),
        }
    }

    /// The provider refuses the message for good.
    ///
    /// # Errors
    /// When no worker has it.
    pub fn refused(self) -> Result<Self, InvalidTransition> {
        match self {
            Self::Sending => Ok(Self::PermanentFailure),
            _ => Err(self.refuses("refused")),
        }
    }

    /// The message cannot be written, because what it speaks of is gone.
    ///
    /// # Errors
    /// When the delivery has come to its end.
    pub fn unrenderable(self) -> Result<Self, InvalidTransition> {
        self.claim().map(|_| Self::TechnicalFailure).map_err(|_| self.refuses("unrenderable"))
    }

    /// Whether it has come to its end.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Sent | Self::PermanentFailure | Self::TechnicalFailure | Self::Suppressed)
    }

    /// Its name in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::TemporaryFailure => "temporary_failure",
            Self::PermanentFailure => "permanent_failure",
            Self::TechnicalFailure => "technical_failure",
            Self::Suppressed => "suppressed",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Created,
            Self::Sending,
            Self::Sent,
            Self::TemporaryFailure,
            Self::PermanentFailure,
            Self::TechnicalFailure,
            Self::Suppressed,
        ]
        .into_iter()
        .find(|state| state.as_str() == name)
    }

    fn refuses(self, transition: &'static str) -> InvalidTransition {
        InvalidTransition { from: self, transition }
    }
}

/// The attempt that follows a failed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Number of the attempt, from 2.
    pub attempt: u16,
    /// How long to wait for it.
    pub wait: Duration,
}

impl Retry {
    fn after(attempt: u16) -> Option<Self> {
        let wait = *BACKOFF.get(usize::from(attempt).checked_sub(1)?)?;
        Some(Self { attempt: attempt + 1, wait })
    }
}

/// Not an edge of the life cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a delivery that is {} cannot take the transition `{transition}`", .from.as_str())]
pub struct InvalidTransition {
    from: Delivery,
    transition: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDS: [Delivery; 4] =
        [Delivery::Sent, Delivery::PermanentFailure, Delivery::TechnicalFailure, Delivery::Suppressed];

    #[test]
    fn without_an_address_nothing_is_tried() {
        assert_eq!(Delivery::create(false), Delivery::Suppressed);
        assert_eq!(Delivery::create(true), Delivery::Created);
    }

    #[test]
    fn an_end_is_never_left() {
        for end in ENDS {
            assert!(end.is_final());
            assert!(end.claim().is_err());
            assert!(end.sent().is_err());
            assert!(end.failed(1).is_err());
            assert!(end.refused().is_err());
            assert!(end.unrenderable().is_err());
        }
    }

    #[test]
    fn only_a_claimed_delivery_has_an_outcome() {
        assert!(Delivery::Created.sent().is_err());
        assert!(Delivery::Created.failed(1).is_err());
        assert!(Delivery::Created.refused().is_err());
        let sending = Delivery::Created.claim().unwrap();
        assert_eq!(sending.sent(), Ok(Delivery::Sent));
        assert_eq!(sending.refused(), Ok(Delivery::PermanentFailure));
        assert_eq!(Delivery::Created.unrenderable(), Ok(Delivery::TechnicalFailure));
    }

    #[test]
    fn attempts_are_bounded_and_each_waits_longer() {
        let mut waits = Vec::new();
        let mut attempt = 1;
        while let (Delivery::TemporaryFailure, Some(retry)) = Delivery::Sending.failed(attempt).unwrap() {
            waits.push(retry.wait);
            attempt = retry.attempt;
        }
        assert_eq!(attempt, MAX_ATTEMPTS);
        assert_eq!(Delivery::Sending.failed(attempt), Ok((Delivery::TechnicalFailure, None)));
        assert!(waits.is_sorted_by(|a, b| a < b), "{waits:?}");
    }

    #[test]
    fn a_late_success_ends_the_retries() {
        assert_eq!(Delivery::TemporaryFailure.sent(), Ok(Delivery::Sent));
        assert!(Delivery::TemporaryFailure.failed(1).is_err());
    }

    #[test]
    fn names_are_read_back() {
        for name in
            ["created", "sending", "sent", "temporary_failure", "permanent_failure", "technical_failure"]
        {
            assert_eq!(Delivery::from_name(name).map(Delivery::as_str), Some(name));
        }
        assert_eq!(Delivery::from_name("delivered"), None);
    }
}
