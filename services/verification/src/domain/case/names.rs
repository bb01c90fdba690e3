//! What statuses, reasons and events are called where they are kept and told.

use super::{Event, Pending, Status};

impl Status {
    /// Every status.
    pub const ALL: [Self; 7] = [
        Self::Submitted,
        Self::Checking,
        Self::NeedsReview,
        Self::MoreAsked,
        Self::Approved,
        Self::Rejected,
        Self::Withdrawn,
    ];

    /// Its name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Checking => "checking",
            Self::NeedsReview => "needs_review",
            Self::MoreAsked => "more_asked",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The status of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// It is over; decisions can still be taken anew.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Approved | Self::Rejected | Self::Withdrawn)
    }
}

impl Pending {
    /// Everything there is.
    pub const ALL: [Self; 7] = [
        Self::Checks,
        Self::CheckFailed,
        Self::CheckInconclusive,
        Self::ProvidersUnavailable,
        Self::Policy,
        Self::SecondPerson,
        Self::MoreAsked,
    ];

    /// Its name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Checks => "checks",
            Self::CheckFailed => "check_failed",
            Self::CheckInconclusive => "check_inconclusive",
            Self::ProvidersUnavailable => "providers_unavailable",
            Self::Policy => "policy",
            Self::SecondPerson => "second_person",
            Self::MoreAsked => "more_asked",
        }
    }

    /// What has this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|pending| pending.name() == name)
    }
}

impl Event {
    /// Its name in event types and in timelines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Submitted => "case_submitted",
            Self::ReviewNeeded => "review_needed",
            Self::ReviewEscalated => "review_escalated",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::MoreAsked => "more_asked",
            Self::Withdrawn => "withdrawn",
        }
    }
}
