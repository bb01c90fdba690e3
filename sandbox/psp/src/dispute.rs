//! Charges that their payers contest. The provider takes the money back at once, and returns it when the account wins.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::error::Error;
use crate::id::DisputeId;
use crate::moment::Moment;

const RESPOND_WITHIN: Duration = Duration::days(14);

/// A dispute of a payment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Dispute {
    pub(crate) id: DisputeId,
    pub(crate) amount: i64,
    pub(crate) reason: String,
    pub(crate) state: DisputeState,
    pub(crate) opened_at: Moment,
    pub(crate) respond_by: Moment,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub(crate) enum DisputeState {
    NeedsResponse,
    UnderReview { evidence: String },
    Won,
    Lost,
}

impl DisputeState {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::NeedsResponse => "needs_response",
            Self::UnderReview { .. } => "under_review",
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }

    pub(crate) fn submit(self, evidence: String) -> Result<Self, Error> {
        match self {
            Self::NeedsResponse => Ok(Self::UnderReview { evidence }),
            Self::UnderReview { .. } | Self::Won | Self::Lost => Err(self.refusal()),
        }
    }

    pub(crate) fn decide(self, won: bool) -> Result<Self, Error> {
        match self {
            Self::NeedsResponse | Self::UnderReview { .. } if won => Ok(Self::Won),
            Self::NeedsResponse | Self::UnderReview { .. } => Ok(Self::Lost),
            Self::Won | Self::Lost => Err(self.refusal()),
        }
    }

    fn refusal(&self) -> Error {
        Error::State { of: "dispute", state: self.name() }
    }
}

impl Dispute {
    pub(crate) fn open(amount: i64, reason: &str, now: OffsetDateTime) -> Self {
        Self {
            id: DisputeId::mint(now),
            amount,
            reason: reason.to_owned(),
            state: DisputeState::NeedsResponse,
            opened_at: Moment(now),
            respond_by: Moment(now + RESPOND_WITHIN),
        }
    }

    /// Whether the provider holds on to the money.
    pub(crate) fn is_kept(&self) -> bool {
        !matches!(self.state, DisputeState::Won)
    }
}
